"""A folder that somebody else made gets nothing by what it says: no file of the user's is replaced or deleted."""

from __future__ import annotations

import json
import os

import pytest

from batcountry import jobs
from batcountry.errors import BatCountryError, JobError, PictureError
from batcountry.image.reading import read_picture
from batcountry.jobs import Control, JobFolder, JobSpec, OutputPlace
from batcountry.jobs.runner import reopen

QUICK = {"octaves": 1, "iterations": 3, "canvas": "64x48", "precision": "exact"}


@pytest.fixture
def work(tmp_path, monkeypatch):
    """The folder of a dream that was stopped after a step; its result goes to dream.png beside it."""
    monkeypatch.chdir(tmp_path)
    control = Control()
    spec = JobSpec(kind="dream", recipe=QUICK, outputs={"picture": OutputPlace(path="dream.png")})
    for event in jobs.run(spec, folder="work", control=control):
        if event.event == "progress":
            control.cancel()
    return tmp_path / "work"


def change(work, **fields):
    path = work / "job.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def finish(work, **more):
    return jobs.finish(jobs.resume(work, **more))["picture"]


def test_what_is_there_stays_whatever_the_folder_says_unless_the_user_says_so_too(work, tmp_path):
    (tmp_path / "dream.png").write_bytes(b"precious")
    change(work, outputs={"picture": {"path": str(tmp_path / "dream.png"), "overwrite": True}})
    assert finish(work).name == "dream-2.png"
    assert (tmp_path / "dream.png").read_bytes() == b"precious"


def test_it_is_replaced_if_both_say_so(work, tmp_path):
    (tmp_path / "dream.png").write_bytes(b"old")
    change(work, outputs={"picture": {"path": str(tmp_path / "dream.png"), "overwrite": True}})
    assert finish(work, overwrite=True).name == "dream.png"
    assert read_picture(tmp_path / "dream.png").size == (48, 64)


def test_an_input_is_never_the_output(work, tmp_path):
    place = {"path": str(tmp_path / "photo.png")}
    change(work, inputs={"picture": place}, outputs={"picture": {**place, "overwrite": True}})
    with pytest.raises(BatCountryError, match=r"photo\.png"):
        finish(work, overwrite=True)


def test_only_the_jobs_own_files_go_with_a_folder_that_is_said_to_be_temporary(work):
    (work / "thesis.txt").write_text("mine")
    change(work, temporary=True)
    finish(work)
    assert [each.name for each in work.iterdir()] == ["thesis.txt"]


def test_pictures_after_steps_replace_none_but_the_very_same(work, tmp_path):
    steps = tmp_path / "steps"
    steps.mkdir()
    (steps / "octave_0-iter_002.png").write_bytes(b"mine")
    place = {"path": str(tmp_path / "dream.png")}
    change(work, outputs={"picture": place, "steps": {"path": str(steps)}})
    finish(work)
    assert (steps / "octave_0-iter_002.png").read_bytes() == b"mine"
    assert (steps / "octave_0-iter_002-2.png").is_file()


def test_steps_that_come_again_are_not_doubled(work, tmp_path):
    steps = tmp_path / "steps"
    place = {"picture": {"path": str(tmp_path / "dream.png")}, "steps": {"path": str(steps)}}
    change(work, outputs=place)
    before = (work / "state.json").read_bytes()
    control = Control()
    for event in jobs.resume(work, control=control):
        if event.event == "progress" and event.done == 1:
            control.cancel()
    (work / "state.json").write_bytes(before)
    for each in (work / "checkpoint").glob("*"):
        assert each.is_file()
    names = sorted(each.name for each in steps.iterdir())
    change(work, facts={})
    (work / "state.json").unlink()  # as if killed before anything was stored
    finish(work)
    again = sorted(each.name for each in steps.iterdir())
    assert set(names) <= set(again) and not any("-2.png" in each for each in again)


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ({}, "needs an output named picture"),
        ({"picture": {"path": "gone/dream.png"}}, "there is no folder gone for the result"),
        ({"picture": {"path": "d" * 300 + ".png"}}, "the result cannot go to"),
    ],
)
@pytest.mark.parametrize("kind", ["dream", "dream-on-disk"])
def test_what_cannot_be_written_is_said_before_any_work(work, kind, outputs, said):
    change(work, kind=kind, outputs=outputs)
    with pytest.raises(JobError, match=said):
        jobs.resume(work)


@pytest.mark.parametrize(
    ("kind", "said"), [("zoom", "film"), ("video", "video"), ("atlas", "atlas"), ("bulk", "folder")]
)
def test_a_spec_that_lacks_what_its_kind_needs_is_said(work, kind, said):
    change(work, kind=kind, outputs={}, inputs={}, recipe={}, facts={})
    with pytest.raises(BatCountryError, match=said):
        jobs.resume(work)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(work, tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(PictureError, match="is no plain file"):
        read_picture(tmp_path / "pipe.png")
    (work / "state.json").unlink()
    os.mkfifo(work / "state.json")
    with pytest.raises(JobError, match="no plain file"):
        JobFolder.open(work)


def test_it_is_not_stored_more_often_than_every_second_by_its_own_word(work):
    change(work, machine={"save_seconds": 0})
    run = reopen(work)
    assert run.job.spec.machine.save_seconds == 1
    change(work, machine={"save_seconds": 60})
    assert reopen(work).job.spec.machine.save_seconds == 60
