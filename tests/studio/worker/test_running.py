"""What becomes of a job is said once and whole, wherever it was interrupted and whatever goes wrong."""

from __future__ import annotations

import threading
import time

import pytest

from batcountry.backend.folders import exclusive_lock
from batcountry.backend.policy import OPEN
from batcountry.errors import JobError, LeaseLost, StudioError
from batcountry.jobs import JOB_KINDS
from batcountry.jobs.runner import finish, run
from batcountry.jobs.spec import InputFile, JobSpec, OutputPlace
from batcountry.studio.places import new_id
from batcountry.studio.store.events import EventLog
from batcountry.studio.worker import running, telling
from studio_kinds import PNG, PuppetKind


def until(what, most=60):
    begun = time.monotonic()
    while not what():
        assert time.monotonic() - begun < most
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _puppets(registered, caplog):
    caplog.set_level("INFO", "batcountry")  # as the worker's process has it
    registered(JOB_KINDS, "puppet", PuppetKind)


def test_a_done_job_has_its_result_in_the_gallery_and_leaves_nothing_else(studio):
    id = studio.submit()
    job = studio.run()
    assert (job.state, job.sentence, job.worker, job.progress().done) == ("done", "", "", 1)
    (picture,), _ = studio.pictures.page()
    assert (picture.job, picture.name, picture.file) == (id, "picture", f"pictures/{id}.png")
    assert (picture.width, picture.height, picture.bytes, picture.media) == (1, 1, len(PNG), "picture")
    assert studio.places.file(picture.file).read_bytes() == PNG
    assert not list(studio.places.work.iterdir()) and not list(studio.places.previews.iterdir())
    assert "step 1\n" in job.log and "step 3\n" in job.log


def test_what_was_finished_by_a_worker_that_could_not_say_so_is_done_without_being_made_again(
    studio, monkeypatch
):
    id = studio.submit()
    finish(run(studio.queue.get(id).spec(), folder=studio.places.job(id), policy=OPEN))
    monkeypatch.setattr(PuppetKind, "prepare", None)
    assert studio.run().state == "done"
    assert [each.job for each in studio.pictures.page()[0]] == [id]


def test_a_result_that_is_gone_before_it_could_be_said_is_made_again(studio):
    id = studio.submit()
    finish(run(studio.queue.get(id).spec(), folder=studio.places.job(id), policy=OPEN))
    studio.places.result(id).unlink()
    assert studio.run().state == "done"
    assert studio.places.result(id).read_bytes() == PNG and studio.pictures.count() == 1


def test_a_job_is_kept_while_its_results_go_to_the_disk(studio, monkeypatch):
    monkeypatch.setattr(telling, "_RENEWED", 0.0)
    id = studio.submit()

    def slowly(_):
        before = studio.queue.get(id).lease_until
        until(lambda: studio.queue.get(id).lease_until > before)

    monkeypatch.setattr(running, "to_disk", slowly)
    assert studio.run().state == "done"


def test_a_disk_that_fails_when_results_go_to_it_is_said(studio, monkeypatch):
    def fails(path):
        raise OSError(5, "Input/output error", str(path))

    monkeypatch.setattr(running, "to_disk", fails)
    studio.submit()
    job = studio.run()
    assert job.state == "failed" and "Input/output error" in job.sentence and "fault" not in job.sentence


@pytest.mark.parametrize("begun", [False, True])
def test_what_waits_in_a_studio_that_is_moved_is_done_there(studio, tmp_path, begun):
    id = new_id()
    upload = studio.places.upload("the-upload")
    upload.write_bytes(PNG)
    spec = JobSpec(
        kind="puppet",
        recipe={"steps": 5},
        inputs={"picture": InputFile(path=str(upload))},
        outputs={"picture": OutputPlace(path=str(studio.places.result(id)))},
    )
    studio.queue.submit(spec, id=id)
    if begun:
        finish(run(spec, folder=studio.places.job(id), policy=OPEN))
    studio.database.close()
    studio.places.path.rename(tmp_path / "moved")
    moved = type(studio)(tmp_path / "moved")
    try:
        job = moved.run()
        (picture,), _ = moved.pictures.page()
        assert (job.state, picture.file) == ("done", f"pictures/{id}.png")
        assert ("the studio's folder was moved; it begins again" in job.log) == begun
    finally:
        moved.database.close()
    assert not studio.places.path.exists()


def test_what_was_stopped_goes_on_where_it_was(studio):
    id = studio.submit(steps=5)
    events = run(studio.queue.get(id).spec(), folder=studio.places.job(id), policy=OPEN)
    for _ in range(6):
        next(events)
    events.close()
    job = studio.run()
    assert job.state == "done" and "step 1\n" not in job.log and "step 5\n" in job.log


@pytest.mark.parametrize("damaged", ["checkpoint/step-2", "job.json", "state.json"])
def test_what_is_damaged_begins_again(studio, damaged):
    id = studio.submit(steps=5)
    events = run(studio.queue.get(id).spec(), folder=studio.places.job(id), policy=OPEN)
    while studio.places.job(id).joinpath("checkpoint/step-2").exists() is False:
        next(events)
    events.close()
    file = studio.places.job(id) / damaged
    file.unlink() if damaged.startswith("checkpoint") else file.write_bytes(b"")  # as a power cut leaves it
    job = studio.run()
    assert job.state == "done" and "it begins again" in job.log and "step 1\n" in job.log


def test_memory_that_runs_out_is_tried_once_more_in_tiles(studio):
    id = studio.submit(act="memory", at=1, dream={})
    job = studio.run()
    assert (job.state, job.smaller) == ("waiting", True) and "in tiles" in job.log
    assert job.spec().recipe["dream"] == {"tile": 256}
    assert studio.run().state == "done" and studio.queue.get(id).tries == 2


def test_memory_that_runs_out_again_is_said(studio):
    studio.submit(act="memory", at=1, dream={}, always=True)
    studio.run()
    job = studio.run()
    assert job.state == "failed" and job.sentence.startswith("memory ran out; make the picture smaller")


def test_a_full_disk_is_said_and_a_retry_goes_on_from_there(studio, tmp_path):
    id = studio.submit(act="full", at=2, room=str(tmp_path / "room"))
    job = studio.run()
    assert job.state == "failed" and "No space left on device" in job.sentence
    (tmp_path / "room").touch()
    studio.queue.retry(id)
    job = studio.run()
    assert job.state == "done" and job.log.count("step 1\n") == 1


def test_a_fault_is_a_sentence_and_the_log_says_where(studio):
    studio.submit(act="fault", at=1)
    job = studio.run()
    assert job.state == "failed"
    assert (
        job.sentence
        == "a fault of the program itself, ZeroDivisionError: division by zero; the log has more of it"
    )
    assert "Traceback" in job.log and "studio_kinds.py" in job.log and "step 1\n" in job.log


def test_a_database_that_is_locked_for_a_while_loses_nothing(studio, monkeypatch):
    refused = []
    real = studio.leases.finish

    def locked(*given):
        if len(refused) < 2:
            refused.append(1)
            raise StudioError("the studio's database was locked")
        return real(*given)

    monkeypatch.setattr(studio.leases, "finish", locked)
    studio.submit()
    assert studio.run().state == "done" and len(refused) == 2 and studio.pictures.count() == 1


def test_a_database_that_stays_locked_ends_the_worker_and_not_the_job(studio, monkeypatch):
    id = studio.submit()

    def locked(*_):
        raise StudioError("the studio's database was locked")

    with monkeypatch.context() as patched:
        patched.setattr(studio.leases, "finish", locked)
        patched.setattr(running, "_INSIST", 0.1)
        with pytest.raises(StudioError, match="locked"):
            studio.run()
    studio.leases.died("w", blameless=True)
    assert studio.run("other").state == "done" and [each.job for each in studio.pictures.page()[0]] == [id]


def test_who_lost_a_job_says_nothing_of_it(studio):
    id = studio.submit(steps=200, act="sleep", at=1, seconds=0.5)
    job = studio.leases.claim("slow", 0)
    studio.leases.reap()
    studio.leases.claim("quick", 15)
    before = studio.queue.get(id)
    with pytest.raises(LeaseLost):
        running.run_job(job, studio.teller(id, "slow"), studio.places, studio.settings.policy)
    assert studio.queue.get(id) == before


def test_a_folder_in_which_another_still_works_is_left_alone(studio):
    id = studio.submit()
    run(studio.queue.get(id).spec(), folder=studio.places.job(id), policy=OPEN).close()
    with exclusive_lock(studio.places.job(id), JobError):
        assert studio.run().state == "waiting"
    assert studio.run().state == "done"


def test_a_job_reads_nothing_outside_the_studio(studio, tmp_path):
    (tmp_path / "secret.png").write_bytes(PNG)
    id = studio.submit()
    spec = studio.queue.get(id).spec()
    studio.queue.wish(id, "cancel")
    studio.queue.submit(spec.changed(inputs={"picture": InputFile(path=str(tmp_path / "secret.png"))}))
    job = studio.run()
    assert job.state == "failed" and "not in a folder that may be read from" in job.sentence


def test_progress_and_previews_are_told(studio):
    id = studio.submit(steps=2, act="sleep", at=1, seconds=0.7)
    seen = []
    thread = threading.Thread(target=lambda: seen.append(studio.run()))
    thread.start()
    while not studio.places.preview(id).exists():
        time.sleep(0.01)
    assert studio.places.preview(id).read_bytes() == PNG
    thread.join()
    kinds = [each.kind for each in EventLog(studio.database).since(0)]
    assert "progress" in kinds and "preview" in kinds and kinds[-1] == "job"


@pytest.mark.parametrize(("wish", "state"), [("cancel", "cancelled"), ("pause", "paused")])
def test_between_two_steps_what_is_asked_for_is_done_soon_and_can_be_gone_on_with(studio, wish, state):
    id = studio.submit(steps=30, act="sleep", at=2, seconds=0.6)
    threading.Timer(0.3, studio.queue.wish, (id, wish)).start()
    assert studio.run().state == state and not studio.exits
    (studio.queue.retry if wish == "cancel" else studio.queue.resume)(id)
    job = studio.run()
    assert job.state == "done" and job.log.count("step 1\n") == 1


def test_a_long_step_is_cancelled_within_a_second_by_the_end_of_the_process(studio):
    id = studio.submit(act="sleep", at=1, seconds=4)

    def work():
        with pytest.raises(LeaseLost):  # which nobody sees, as the process has ended by then
            studio.run()

    thread = threading.Thread(target=work)
    thread.start()
    while not studio.places.preview(id).exists():
        time.sleep(0.01)
    studio.queue.wish(id, "cancel")
    studio.wait(id, "cancelled")
    assert thread.is_alive()  # the step still goes on
    thread.join()
    assert studio.exits[0] == 0 and studio.queue.get(id).state == "cancelled"
    # Looked for, waited for, and looked for again; the rest of the second is for the database.
    assert 2 * telling._LOOK + telling._PATIENCE["cancel"] <= 0.9


def test_a_worker_that_is_to_leave_gives_its_job_back(studio):
    id = studio.submit(steps=30, act="sleep", at=2, seconds=0.5)
    threading.Timer(0.2, studio.leaving.set).start()
    job = studio.run()
    assert (job.state, job.deaths, job.interruptions) == ("waiting", 0, 0)
    studio.leaving.clear()
    assert studio.run().state == "done" and studio.queue.get(id).log.count("step 1\n") == 1
