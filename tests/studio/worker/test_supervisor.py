"""Workers as processes: what they die of, what they are asked, and that they end with their server and without work."""

from __future__ import annotations

import os
import signal
import sys
import time

import psutil
import pytest

import studio_kinds
from batcountry.errors import StudioError
from batcountry.studio.store.events import EventLog
from batcountry.studio.worker import supervisor as supervisor_module
from batcountry.studio.worker.names import ProcessName, is_orphaned, worker_name
from batcountry.studio.worker.supervisor import Supervisor
from children import child
from conftest import ROOT

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")

SERVER = """
import sys
from batcountry.studio.settings import StudioSettings
from batcountry.studio.worker.alone import supervise
supervise(StudioSettings(folder=sys.argv[1], devices=("cpu",)))
"""


@pytest.fixture
def puppets(tmp_path, monkeypatch):
    """Let processes know the kind `puppet`."""
    studio_kinds.install(tmp_path)
    paths = [str(tmp_path), str(ROOT / "tests"), os.environ.get("PYTHONPATH", str(ROOT / "src"))]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))


@pytest.fixture
def supervisor(studio, puppets):
    settings = studio.settings.model_copy(update={"idle_seconds": 1.0})
    supervisor = Supervisor(settings, studio.database)
    supervisor.start()
    yield supervisor
    supervisor.stop()


def until(what, most=600):
    begun = time.monotonic()
    while not (found := what()):
        assert time.monotonic() - begun < most
        time.sleep(0.02)
    return found


def pid_of(supervisor):
    return supervisor.status()[0].pid


def test_no_process_is_there_without_work(studio, supervisor):
    time.sleep(0.3)
    assert [(each.device, each.pid, each.state) for each in supervisor.status()] == [("cpu", None, "none")]


class _Idle:
    """A worker that has no job."""

    name, has_ended, is_stopped = "idle", False, False


def test_a_page_that_is_opened_beside_an_idle_worker_starts_none_after_it(studio, monkeypatch):
    begun = []
    monkeypatch.setattr(supervisor_module, "Child", lambda settings, device: begun.append(device) or _Idle())
    supervisor = Supervisor(studio.settings, studio.database)
    supervisor.warm()
    supervisor._look()
    supervisor.warm()  # there is one
    supervisor._look()
    supervisor.slots[0].child = None  # it was idle for long enough
    supervisor._look()
    assert begun == ["cpu"]


@pytest.mark.slow
def test_what_kills_its_worker_twice_is_set_aside_and_others_go_on_and_without_work_no_process_is_left(
    studio, supervisor
):
    bad, good = studio.submit(steps=4, act="kill", at=2), studio.submit()
    studio.wait(bad, "set_aside"), studio.wait(good, "done")
    job = studio.queue.get(bad)
    assert (job.tries, job.deaths) == (2, 2) and "set aside" in job.sentence
    assert job.log.count("SIGKILL") == 2 and [each.job for each in studio.pictures.page()[0]] == [good]
    until(lambda: pid_of(supervisor) is None)


@pytest.mark.slow
def test_asked_in_a_long_step_it_is_so_long_before_that_ends_and_memory_is_given_back(studio, supervisor):
    first, second = studio.submit(act="sleep", at=1), studio.submit(steps=100, act="sleep", at=2, seconds=0.5)
    until(lambda: (at := studio.queue.get(first).progress()) and at.done)
    studio.queue.wish(first, "cancel")
    studio.wait(first, "cancelled")
    until(lambda: studio.queue.get(second).progress())
    process = psutil.Process(pid_of(supervisor))
    studio.queue.wish(second, "pause")
    studio.wait(second, "paused")
    until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    until(lambda: pid_of(supervisor) is None)
    studio.queue.resume(second)
    studio.wait(second, "done")
    assert studio.queue.get(second).log.count(" step 1\n") == 1
    assert studio.queue.get(first).deaths == studio.queue.get(second).deaths == 0


@pytest.mark.slow
def test_a_frozen_worker_is_ended_when_it_does_not_heed_what_it_is_asked(studio, supervisor):
    id = studio.submit(act="sleep", at=1)
    until(lambda: (at := studio.queue.get(id).progress()) and at.done)
    os.kill(pid_of(supervisor), signal.SIGSTOP)
    until(lambda: _asked(studio, id))
    studio.wait(id, "cancelled")


def _asked(studio, id):
    """Whether it could be said; a worker that was stopped in a transaction locks the database until it is ended."""
    try:
        return studio.queue.wish(id, "cancel")
    except StudioError:
        return False


@pytest.mark.slow
def test_a_server_that_is_killed_takes_its_worker_along_and_the_next_goes_on(studio, puppets):
    id = studio.submit(steps=400, act="sleep", at=3, seconds=1)
    command = [sys.executable, "-c", SERVER, str(studio.places.path)]
    with child(command) as server:
        until(lambda: studio.queue.get(id).progress())
        worker = psutil.Process(server.pid).children()[0]
        server.kill()
    until(lambda: not worker.is_running())  # it was not killed, but left
    job = studio.queue.get(id)
    assert (job.state, job.deaths, job.interruptions) == ("waiting", 0, 0)
    with child(command) as server:
        until(lambda: studio.queue.get(id).state == "running")
        worker = until(lambda: psutil.Process(server.pid).children())[0]
        server.kill(), worker.kill()
    assert studio.queue.get(id).state == "running"  # nobody is there who could say otherwise
    with child(command) as server:
        studio.wait(id, "done")
        server.terminate()
        assert server.wait(600) == 0
    job = studio.queue.get(id)
    assert job.log.count(" step 1\n") == 1 and job.deaths == 0 and studio.pictures.count() == 1
    events = [each.id for each in EventLog(studio.database).since(0)]
    assert events == list(range(1, len(events) + 1))


def test_a_name_says_whether_its_process_lives():
    here = ProcessName.of()
    gone, elsewhere = ProcessName(here.host, here.pid, here.begun - 50), ProcessName("elsewhere", 1, 1.0)
    assert ProcessName.read(str(here)).lives and not ProcessName.read(str(gone)).lives
    orphaned = {
        names: is_orphaned(worker_name(*names))
        for names in [(gone, gone), (gone, here), (here, gone), (elsewhere, gone), (gone, elsewhere)]
    }
    assert [each for each, found in orphaned.items() if found] == [(gone, gone)]
    for nonsense in ("", "w", "a of b", "a/b of c/d", "a/1@2 of a/1@x"):
        assert not is_orphaned(nonsense)


@pytest.mark.skipif(not psutil.LINUX, reason="only Linux works out from the clock when a process was begun")
def test_a_clock_that_is_set_ends_no_process(monkeypatch):
    here, boot = ProcessName.of(), psutil.boot_time()
    monkeypatch.setattr(psutil._psplatform, "boot_time", lambda: boot + 30)
    assert ProcessName.read(str(here)).lives and ProcessName.of() == here
