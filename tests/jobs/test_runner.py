"""Running jobs: what they tell, and how they are cancelled, paused and gone on with."""

from __future__ import annotations

import io
import logging
import threading
from pathlib import Path

import pytest
import torch
from PIL import Image

from batcountry import jobs
from batcountry.backend.policy import OPEN
from batcountry.errors import JobError, NameTaken, RecipeError, UnknownName
from batcountry.jobs import JOB_KINDS, Control, JobFolder, JobSpec, OutputPlace
from batcountry.jobs.dream_kind import DreamKind
from batcountry.jobs.events import Done, Failed, Message, Preview, Progress, Stopped
from batcountry.jobs.spec import Machine

QUICK = {"octaves": 2, "iterations": 3, "canvas": "37x53", "layer": "sum"}


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(two_channels):
    """Run a quick dream."""

    def call(name="dream.png", recipe=QUICK, **options):
        spec = JobSpec(
            kind="dream",
            recipe=dict(recipe),
            outputs={"picture": OutputPlace(path=name)},
            machine=Machine(save_seconds=0),
        )
        return jobs.run(spec, objects={"model": two_channels}, **options)

    return call


@pytest.fixture
def resume(two_channels):
    return lambda folder, **options: jobs.resume(
        folder, policy=OPEN, objects={"model": two_channels}, **options
    )


def told(events, kind):
    return [each for each in events if isinstance(each, kind)]


def test_a_job_tells_each_step_and_where_its_result_is(run):
    events = list(run())
    steps = told(events, Progress)
    assert str(steps[0]) == "octave 1/2, iteration 1/3, 38×26"
    assert [each.done for each in steps] == sorted(each.done for each in steps) and steps[-1].done == 1.0
    assert steps[-1].seconds_left == 0
    assert events[-1] == Done(outputs={"picture": "dream.png"}) and Path("dream.png").exists()


def test_it_says_what_the_package_says_and_nothing_twice(run, caplog):
    caplog.set_level(logging.INFO, "batcountry")
    first = next(run())
    assert isinstance(first, Message) and "of memory" in first.text
    assert not caplog.records
    logging.getLogger("batcountry").warning("from elsewhere")
    assert [each.getMessage() for each in caplog.records] == ["from elsewhere"]


def test_what_was_said_before_an_error_is_not_lost(run, caplog):
    caplog.set_level(logging.INFO, "batcountry")
    Path("dream.png").write_text("mine")
    with pytest.raises(JobError):
        run(folder=Path("nowhere/at/all"))
    with pytest.raises(RecipeError):
        run(recipe={**QUICK, "layer": "sum", "objective": 'layer("sum")'})


def test_cancelled_from_another_thread_it_keeps_what_there_is(run):
    control = Control()
    found = []
    for event in run(control=control):
        found.append(event)
        if isinstance(event, Progress) and event.done > 0.4:
            thread = threading.Thread(target=control.cancel)
            thread.start()
            thread.join()
    stopped = found[-1]
    assert isinstance(stopped, Stopped) and stopped.folder is None and stopped.at == told(found, Progress)[-1]
    assert stopped.outputs == {"picture": "dream-stopped.png"} and Path("dream-stopped.png").exists()
    assert len(told(found, Progress)) < 6 and not Path("dream.png").exists()


@pytest.mark.parametrize("after", range(6))
def test_cancelled_with_a_folder_it_is_gone_on_with_to_the_same_bytes(run, resume, after):
    whole = jobs.finish(run("whole.png"))["picture"].read_bytes()
    control = Control()
    seen = []
    for event in run("parts.png", folder="work", control=control):
        seen += [event] if isinstance(event, (Progress, Stopped)) else []
        if len(seen) == after + 1:
            control.cancel()
    event = seen[-1]
    assert isinstance(event, Stopped) and event.folder == "work" and event.outputs == {}
    assert not Path("parts.png").exists() and not Path("parts-stopped.png").exists()
    steps = list(resume("work"))
    assert len(told(steps, Progress)) == 6 - after  # the one that was stored comes again
    assert Path("parts.png").read_bytes() == whole
    assert JobFolder(Path("work")).state().finished and not list(Path("work/checkpoint").iterdir())
    with pytest.raises(JobError, match=r"the job in work is finished; it is in .*parts\.png"):
        resume("work")


def test_it_waits_while_it_is_paused(run):
    control, seen = Control(), []
    control.pause()

    def work():
        seen.extend(run(control=control, folder="work"))

    thread = threading.Thread(target=work)
    thread.start()
    while not Path("work/state.json").exists():
        thread.join(0.01)
    thread.join(0.1)
    assert thread.is_alive() and not Path("dream.png").exists()
    control.resume()
    thread.join()
    assert isinstance(seen[-1], Done) and Path("dream.png").exists()
    assert "paused" in [each.text for each in told(seen, Message)]


def test_a_job_that_is_paused_can_be_cancelled(run):
    control = Control()
    control.pause()
    control.cancel()
    assert isinstance(list(run(control=control))[-1], Stopped)


def test_a_preview_is_given_when_it_is_asked_for(run):
    control, found = Control(), []
    for event in run(control=control):
        found.append(event)
        if isinstance(event, Progress) and len(told(found, Progress)) == 2:
            control.ask_preview(16)
    (preview,) = told(found, Preview)
    with Image.open(io.BytesIO(preview.data)) as image:
        assert image.format == "JPEG" and image.size == (16, 11) and preview.side == 16


def test_ctrl_c_in_a_step_keeps_what_there_is_and_is_raised_on(run, monkeypatch):
    events = run()
    for event in events:
        if isinstance(event, Progress):
            break
    assert isinstance(events.throw(KeyboardInterrupt()), Stopped)
    with pytest.raises(KeyboardInterrupt):
        next(events)
    assert Path("dream-stopped.png").exists()


def test_closed_it_stores_how_far_it_is_and_lets_go_of_the_folder(run, resume):
    events = run("parts.png", folder="work")
    for event in events:
        if isinstance(event, Progress) and event.where[0].at == 2:
            break
    events.close()
    assert len(told(resume("work"), Progress)) == 3
    assert Path("parts.png").read_bytes() == jobs.finish(run("whole.png"))["picture"].read_bytes()


def test_an_error_is_raised_or_told_as_who_listens_wants(run, monkeypatch):
    def fails(*_, **__):
        raise ZeroDivisionError("by nothing")
        yield

    monkeypatch.setattr("batcountry.dreams.dreamer.Dreamer.dreaming", fails)
    with pytest.raises(ZeroDivisionError):
        list(run())
    failed = list(jobs.told(run()))[-1]
    assert failed == Failed(
        text="a fault of the program itself, ZeroDivisionError: by nothing", error="ZeroDivisionError"
    )


def test_a_cancelled_job_has_no_result_to_return(run):
    control = Control()
    control.cancel()
    with pytest.raises(JobError, match="the job was cancelled"):
        jobs.finish(run(control=control))


def test_threads_are_as_before_whatever_the_job_has(two_channels):
    before = torch.get_num_threads()
    seen = []
    spec = JobSpec(
        kind="dream",
        recipe=QUICK,
        outputs={"picture": {"path": "dream.png"}},
        machine=Machine(threads=before + 1),
    )
    for _ in jobs.run(spec, objects={"model": two_channels}):
        seen.append(torch.get_num_threads())
    assert set(seen) == {before}


def test_two_jobs_at_once_in_one_process_give_what_each_gives_alone(run):
    recipes = {"one": {**QUICK, "seed": 1}, "two": {**QUICK, "seed": 2, "optimizer": "adam"}}
    alone = {
        name: jobs.finish(run(f"{name}.png", each))["picture"].read_bytes() for name, each in recipes.items()
    }
    turns = {name: run(f"{name}-turns.png", each) for name, each in recipes.items()}
    while turns:
        for name in list(turns):
            if next(turns[name], None) is None:
                del turns[name]
    threads = [
        threading.Thread(target=lambda n=name, r=each: jobs.finish(run(f"{n}-threads.png", r)))
        for name, each in recipes.items()
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for name, wanted in alone.items():
        assert Path(f"{name}-turns.png").read_bytes() == wanted
        assert Path(f"{name}-threads.png").read_bytes() == wanted


def test_an_unknown_kind_is_said_and_a_clash_refused():
    with pytest.raises(UnknownName, match="there is no job kind 'dreams'; did you mean 'dream'"):
        jobs.run(JobSpec(kind="dreams"))
    with pytest.raises(NameTaken, match="there is a job kind 'dream' already"):
        JOB_KINDS.register("dream", DreamKind)


def test_a_kind_of_another_package_is_run(run):
    JOB_KINDS.register("mine", DreamKind)
    try:
        with pytest.raises(JobError, match="needs an output named picture"):
            jobs.run(JobSpec(kind="mine", recipe=QUICK))
    finally:
        JOB_KINDS.unregister("mine")
