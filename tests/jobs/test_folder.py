"""The folder of a job: whole, alone, and not trusted."""

from __future__ import annotations

import errno
import json
import os
import re

import pytest

from batcountry.errors import JobError
from batcountry.jobs import JobFolder, JobSpec, resume
from batcountry.jobs.events import Progress
from batcountry.jobs.folder import (
    JobState,
    checkpoint_file,
    folder_beside,
    folder_of,
    folder_within,
    stopped_by_disk,
)

SPEC = JobSpec(kind="dream", outputs={"picture": {"path": "/tmp/dream.png"}})


@pytest.fixture
def folder(tmp_path):
    """The folder of a job that was begun."""
    return JobFolder.begin(tmp_path / "work", SPEC)


def test_what_is_written_down_is_read_back(folder):
    assert folder.spec() == SPEC and folder.state() is None
    state = JobState(at=Progress(done=0.5), part={"checkpoint": "a.safetensors"})
    folder.write_state(state)
    assert JobFolder.open(folder.path).state() == state


def test_a_folder_with_something_in_it_is_left_alone(folder, tmp_path):
    with pytest.raises(JobError, match="has a job in it already; go on with `bat-country resume"):
        JobFolder.begin(folder.path, SPEC)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("mine")
    with pytest.raises(JobError, match="mine is there already and not empty"):
        JobFolder.begin(tmp_path / "mine", SPEC)
    with pytest.raises(JobError, match=r"there is no folder .*nowhere; make it first"):
        JobFolder.begin(tmp_path / "nowhere/work", SPEC)
    assert sorted(each.name for each in (tmp_path / "mine").iterdir()) == ["letter.txt"]


def test_a_folder_without_a_job_is_said(tmp_path):
    with pytest.raises(JobError, match="there is no job to go on with in"):
        JobFolder.open(tmp_path)


def test_a_result_without_unfinished_work_beside_it_is_said_to_be_finished(tmp_path):
    (tmp_path / "out.mp4").write_bytes(b"film")
    with pytest.raises(JobError, match=r"there is no unfinished work beside .*out\.mp4; it is finished, or"):
        resume(tmp_path / "out.mp4")


def test_a_folder_without_its_checkpoints_is_a_job_that_begins_anew(folder):
    folder.files.rmdir()
    assert JobFolder.open(folder.path).files.is_dir()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("job.json", "{", "job.json is damaged"),
        ("job.json", json.dumps({"note": {}, "model": "a"}), "job.json is not of format 1"),
        ("job.json", json.dumps({"version": 7}), "job.json is of a newer version of bat-country"),
        ("job.json", " " * 2_000_000, "job.json has more than 1,048,576 bytes"),
        ("state.json", "null", "state.json is damaged"),
        ("state.json", json.dumps({"version": 1, "at": 3}), "state.json is damaged: at"),
    ],
)
def test_damage_is_one_sentence(folder, name, content, said):
    (folder.path / name).write_text(content)
    with pytest.raises(JobError, match=said) as refused:
        (folder.spec if name == "job.json" else folder.state)()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("place", [".lock", "state.json", "checkpoint/image-0-0.raw", "checkpoint"])
def test_links_that_would_lead_out_of_it_are_refused(folder, tmp_path, place):
    (tmp_path / "mine").write_text("mine")
    link = folder.path / place
    if place == "checkpoint":
        link.rmdir()
    link.symlink_to(tmp_path / "mine")
    with pytest.raises(JobError, match="is a link, which no job makes"):
        JobFolder.open(folder.path)


@pytest.mark.parametrize(
    "name", ["../job.json", "/etc/passwd", "a/b", "..", ".hidden", "", "a" * 101, 3, None, "a\n"]
)
def test_names_that_would_lead_out_of_it_are_refused(folder, name):
    with pytest.raises(JobError, match="is no name of a file in"):
        checkpoint_file(folder.files, name)
    assert checkpoint_file(folder.files, "octave-1.safetensors").parent == folder.files


def test_only_one_process_is_at_work_in_it(folder):
    with (
        folder.alone(),
        pytest.raises(JobError, match="another process is at work"),
        JobFolder(folder.path).alone(),
    ):
        raise AssertionError("it should not get here")
    with folder.alone():
        pass


def test_what_the_kind_keeps_no_more_is_deleted(folder):
    for name in ("a", "b"):
        (folder.files / name).write_text("")
    (folder.files / "mine").write_text("")
    folder.sweep(re.compile("[ab]"), ["b"])
    assert sorted(each.name for each in folder.files.iterdir()) == ["b", "mine"]


def test_it_is_gone_when_it_is_cleared(folder):
    folder.clear()
    assert not folder.path.exists()


def test_a_job_is_found_by_its_output_too(tmp_path):
    film, atlas, other = tmp_path / "film.gif", tmp_path / "atlas", tmp_path / "other"
    atlas.mkdir()
    for folder in (folder_beside(film), folder_within(atlas)):
        JobFolder.begin(folder, SPEC)
        assert folder_of(folder) == folder
    assert folder_of(film) == tmp_path / "film.gif.journal"
    assert folder_of(atlas) == atlas / ".job"
    assert folder_of(other) == other


def test_a_folder_of_a_job_that_was_killed_as_it_was_written_down_can_be_taken_again(tmp_path):
    work = tmp_path / "work"
    (work / "checkpoint").mkdir(parents=True)
    (work / ".batcountry-x.json").write_text("{")
    assert JobFolder.begin(work, SPEC).spec() == SPEC
    (tmp_path / "mine/checkpoint").mkdir(parents=True)
    (tmp_path / "mine/checkpoint/weights.pt").write_text("mine")
    with pytest.raises(JobError, match="not empty"):
        JobFolder.begin(tmp_path / "mine", SPEC)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "make room"), (errno.ENOENT, "see to that"), (errno.EIO, "see to that")],
)
def test_room_is_asked_for_only_where_there_is_none(number, remedy):
    said = str(stopped_by_disk("the job", OSError(number, os.strerror(number))))
    assert said == f"the job stopped: {os.strerror(number)}; {remedy} and go on from there"
