"""A folder that somebody else made gets nothing by what it says: no file of the user's is replaced or deleted."""

from __future__ import annotations

import json
import os
from contextlib import suppress

import pytest

from batcountry import jobs
from batcountry.atlas.folder import check_atlas_folder
from batcountry.backend.policy import STRICT
from batcountry.dreams.history import History
from batcountry.errors import BatCountryError, JobError, PictureError, PolicyError
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


LINKABLE = [
    "gradient.raw",
    "gradient-1.raw",
    "base-0.raw",
    "image-0-0.raw",
    "image-0-1.raw",
    "image-1-0.raw",
    "image-1-1.raw",
]


@pytest.fixture
def on_disk(tmp_path, monkeypatch, two_channels):
    """Resume the folder of a dream on disk of two octaves that was stopped after a step, and a file beside it."""
    pytest.importorskip("pyvips", reason="needs pyvips, which the extra `big` brings")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").write_text("mine" * 10_000)
    recipe = {**QUICK, "octaves": 2, "iterations": 2, "layer": "sum"}
    spec = JobSpec(kind="dream-on-disk", recipe=recipe, outputs={"picture": OutputPlace(path="dream.png")})
    control, objects = Control(), {"model": two_channels}
    for event in jobs.run(spec, folder="work", control=control, objects=objects):
        if event.event == "progress" and event.done:
            control.cancel()
    return lambda **more: jobs.finish(jobs.resume(tmp_path / "work", objects=objects, **more))["picture"]


@pytest.mark.parametrize("name", LINKABLE)
def test_nothing_is_written_through_a_link_in_the_place_of_a_canvas(on_disk, tmp_path, name):
    place = tmp_path / "work/checkpoint" / name
    place.unlink(missing_ok=True)
    os.link(tmp_path / "mine.txt", place)
    with suppress(BatCountryError):  # what is in it is no picture
        on_disk()
    assert (tmp_path / "mine.txt").read_text() == "mine" * 10_000
    place.unlink(missing_ok=True)
    place.symlink_to(tmp_path / "mine.txt")
    with pytest.raises(JobError, match=r"is a link|is finished"):
        on_disk()
    assert (tmp_path / "mine.txt").read_text() == "mine" * 10_000


def test_the_lock_is_not_taken_through_a_hard_link(work, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (work / ".lock").unlink(missing_ok=True)
    os.link(tmp_path / "mine.txt", work / ".lock")
    with pytest.raises(JobError, match=r"\.lock is a hard link"):
        finish(work)
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("sizes", [[[100_000, 100_000]], [[30, 40], [48, 64]], [], "x", None, [[48, 64]] * 2])
def test_octaves_other_than_the_recipe_gives_are_refused(on_disk, work_of_disk, sizes):
    change(work_of_disk, facts={"sizes": sizes})
    with pytest.raises(JobError, match="octaves are not those that its recipe gives"):
        on_disk()


def test_room_on_the_disk_is_looked_for_again(on_disk, monkeypatch):
    monkeypatch.setattr("batcountry.jobs.disk_kind.free_disk", lambda folder: 1000)
    with pytest.raises(JobError, match=r"GB of disk in .*make room, and go on"):
        on_disk()


def test_more_memory_than_there_is_is_refused_unless_the_user_says_so(on_disk, monkeypatch):
    monkeypatch.setattr("batcountry.dreams.disk.planning.budget", lambda most, device: 1)
    with pytest.raises(PolicyError, match="of memory, and it may have 1 kB"):
        on_disk()
    on_disk(policy=STRICT.without_limits())


def test_a_tile_that_the_job_did_not_choose_is_refused(on_disk, work_of_disk):
    state = json.loads((work_of_disk / "state.json").read_text())
    state["part"]["tile"] = 60_000
    (work_of_disk / "state.json").write_text(json.dumps(state))
    with pytest.raises(JobError, match="is not of the dream in it"):
        on_disk()


@pytest.fixture
def work_of_disk(tmp_path):
    return tmp_path / "work"


@pytest.mark.parametrize(
    "name", ["../dream.png", ".config/dream.png", ".dream.png", "a/.b/dream.png", "link/dream.png"]
)
def test_results_go_below_the_folder_that_the_jobs_lies_in_and_to_nothing_hidden(work, tmp_path, name):
    for each in (".config", "a/.b"):
        (tmp_path / each).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path.parent)
    change(work, outputs={"picture": {"path": str(tmp_path / name)}})
    with pytest.raises(PolicyError, match=r"would go to .* allow that with --allow"):
        jobs.resume(work)
    place = (tmp_path / name).resolve()
    assert finish(work, policy=STRICT.allow(place.parent)).resolve() == place
    place.unlink()


def test_the_working_folder_is_no_place_for_results_by_itself(work, tmp_path, monkeypatch):
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    change(work, outputs={"picture": {"path": str(elsewhere / "dream.png")}})
    with pytest.raises(PolicyError, match="would go to"):
        jobs.resume(work)


def test_a_pyramid_is_not_put_in_the_place_of_the_folder_itself_nor_beside_it(work, tmp_path):
    pytest.importorskip("pyvips", reason="needs pyvips, which the extra `big` brings")
    change(
        work, outputs={"picture": {"path": str(tmp_path / "dream.png")}, "deepzoom": {"path": str(tmp_path)}}
    )
    with pytest.raises(PolicyError, match="would go to"):
        jobs.resume(work, overwrite=True)


def test_a_record_of_what_was_written_leads_to_no_other_file(work, tmp_path):
    mine = tmp_path / "mine.png"
    mine.write_bytes(b"mine")
    facts = mine.stat()
    record = {"path": str(mine), "versions": [[facts.st_size, facts.st_mtime_ns]]}
    (work / "written-picture.json").write_text(json.dumps(record))
    assert finish(work).name == "dream.png"
    assert mine.read_bytes() == b"mine"


def test_what_is_in_the_folder_of_checkpoints_and_not_the_jobs_stays(work):
    for name in ("model.safetensors", "octave-1-notes.txt", "mine.raw", "state.json.bak"):
        (work / "checkpoint" / name).write_text("mine")
    change(work, temporary=True)
    finish(work)
    left = sorted(each.name for each in (work / "checkpoint").iterdir())
    assert left == ["mine.raw", "model.safetensors", "octave-1-notes.txt", "state.json.bak"]


def test_a_folder_of_the_users_with_the_name_of_a_films_job_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "film.gif.journal").mkdir()
    (tmp_path / "film.gif.journal/letter.txt").write_text("mine")
    recipe = {"kind": "zoom", "frames": 1, "dream": {"octaves": 1, "iterations": 1, "size": 32}}
    spec = JobSpec(kind="zoom", recipe=recipe, outputs={"film": OutputPlace(path="film.gif")})
    with pytest.raises(JobError, match="not empty"):
        jobs.run(spec)
    assert (tmp_path / "film.gif.journal/letter.txt").read_text() == "mine"


def test_an_atlas_is_not_written_through_links(tmp_path):
    (tmp_path / "atlas").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "atlas/channels").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PictureError, match="channels is a link"):
        check_atlas_folder(tmp_path / "atlas")


def test_numbers_of_other_steps_are_no_history():
    history = History()
    assert not history.is_whole
    names = ("score", "mean step", "median step", "mean", "std")
    history.numbers, history.pixels, history.octaves = (
        {each: [1.0, 2.0] for each in names},
        {"red": [1.0, 2.0]},
        [1],
    )
    assert history.is_whole
    history.pixels["red"] = [1.0]
    assert not history.is_whole
    history.pixels = {str(each): [1.0, 2.0] for each in range(1000)}
    assert not history.is_whole
