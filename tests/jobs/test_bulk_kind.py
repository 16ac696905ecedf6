"""Folders of pictures as jobs of the library."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from batcountry import jobs
from batcountry.backend.policy import OPEN
from batcountry.errors import JobError, OutputError, PictureError, RecipeError
from batcountry.image.files import read_note
from batcountry.jobs import Control
from batcountry.jobs.bulk_batches import Together
from batcountry.jobs.events import Done, Message, Preview, Progress, Stopped

QUICK = {"octaves": 2, "iterations": 2, "param": "pixels"}


@pytest.fixture
def bulk(tmp_path, monkeypatch, photo, two_channels):
    """Dream on a folder with two pictures, which differ."""
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Image.fromarray(photo).save("in/a.png")
    Image.fromarray(photo[::-1]).save("in/b.png")
    return lambda *layers, **more: jobs.bulk("in", "out", layers, model=two_channels, **{**QUICK, **more})


def told(events, kind):
    return [each for each in events if isinstance(each, kind)]


def names(folder="out"):
    return sorted(each.name for each in Path(folder).iterdir())


def test_every_picture_is_dreamed_on_with_every_layer(bulk):
    events = list(bulk("sum", "mean"))
    assert names() == ["a-png_mean.png", "a-png_sum.png", "b-png_mean.png", "b-png_sum.png"]
    steps = told(events, Progress)
    assert len(steps) == 16 and str(steps[5]) == "picture 2/4, octave 1/2, iteration 2/2, 38×26"
    assert [each.subject for each in steps[::8]] == ["a.png", "b.png"]
    assert [each.done for each in steps] == sorted(each.done for each in steps) and steps[-1].done == 1.0
    assert events[-1] == Done(outputs={"folder": "out"}, counts={"dreamed": 4, "done before": 0, "failed": 0})


def test_the_network_s_own_layer_is_taken_if_none_is_named_and_what_is_done_is_skipped(bulk):
    assert list(bulk())[-1].counts == {"dreamed": 2, "done before": 0, "failed": 0}
    before = {each: each.stat().st_mtime_ns for each in Path("out").iterdir()}
    assert list(bulk())[-1].counts == {"dreamed": 0, "done before": 2, "failed": 0}
    assert before == {each: each.stat().st_mtime_ns for each in Path("out").iterdir()}


def test_a_picture_that_cannot_be_read_is_told_once_and_the_rest_is_made(bulk):
    Path("in/bad.jpg").write_text("no picture")
    events = list(bulk("sum", "mean"))
    assert events[-1].counts == {"dreamed": 4, "done before": 0, "failed": 1}
    errors = [each.text for each in told(events, Message) if each.level == "error"]
    assert len(errors) == 1 and "bad.jpg" in errors[0]


def test_memory_is_said_once_and_again_for_a_picture_that_takes_more(bulk, photo, caplog):
    caplog.set_level("INFO", "batcountry")
    Image.fromarray(photo[::2, ::2]).save("in/c.png")
    lines = [each.text for each in told(bulk("sum", "mean"), Message) if " of memory" in each.text]
    assert len(lines) == 1
    Image.new("RGB", (2000, 1500)).save("in/d.png")
    lines = [
        each.text for each in told(bulk("sum", octaves=1, iterations=1), Message) if " of memory" in each.text
    ]
    assert len(lines) == 2


def test_a_preview_is_of_the_picture_at_work(bulk):
    control, found = Control(), []
    for event in bulk("sum", control=control):
        found.append(event)
        control.ask_preview(16)
    assert len(told(found, Preview)) == 8


def test_stopped_without_a_folder_it_keeps_the_picture_at_work(bulk):
    control = Control()
    for event in bulk("sum", control=control):
        if isinstance(event, Progress) and event.done > 0.5:
            control.cancel()
    assert isinstance(event, Stopped) and event.counts["dreamed"] == 1
    assert names() == ["a-png_sum.png", "b-png_sum-stopped.png"]
    assert list(bulk("sum"))[-1].counts == {"dreamed": 1, "done before": 1, "failed": 0}


@pytest.mark.parametrize("after", [1, 3, 6])
def test_stopped_with_a_folder_it_goes_on_in_the_middle_of_the_picture(bulk, two_channels, after):
    whole = {}
    list(bulk("sum"))
    for each in Path("out").iterdir():
        whole[each.name] = each.read_bytes()
        each.unlink()
    control, steps = Control(), 0
    for event in bulk("sum", work="work", control=control):
        steps += isinstance(event, Progress)
        if steps == after:
            control.cancel()
    assert isinstance(event, Stopped) and event.folder == "work"
    events = list(jobs.resume("work", policy=OPEN, objects={"model": two_channels}))
    assert len(told(events, Progress)) == 8 - after + 1  # the one that was stored comes again
    assert {each.name: each.read_bytes() for each in Path("out").iterdir()} == whole


def test_what_cannot_be_is_said_before_anything_is_made(bulk, two_channels):
    with pytest.raises(PictureError, match="there is no folder nowhere"):
        jobs.bulk("nowhere", model=two_channels)
    with pytest.raises(OutputError, match="in is the folder of the pictures; name another"):
        jobs.bulk("in", "in", model=two_channels)
    with pytest.raises(RecipeError, match="no option"):
        bulk(iteration=1)
    with pytest.raises(JobError, match="bulk needs a folder of pictures and one for the dreams"):
        jobs.run(jobs.JobSpec(kind="bulk"))
    assert names(".") == ["in"]


@pytest.fixture
def stopped(bulk):
    """The folder of the dream at work, its kind one on disk or in memory, as the bulk was stopped in the first of two."""

    def stop(kind="dream"):
        control = Control()
        for event in bulk("sum", work="work", control=control, iterations=3):
            if isinstance(event, Progress):
                control.cancel()
        current = Path("work/checkpoint/current")
        change(current / "job.json", kind=kind)
        return current

    return stop


def change(file, **fields):
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


DAMAGES = {
    "nothing": lambda current: None,
    "no output": lambda current: change(current / "job.json", outputs={}),
    "no input": lambda current: change(current / "job.json", inputs={}),
    "another recipe": lambda current: change(current / "job.json", recipe={}),
    "another kind": lambda current: change(current / "job.json", kind="atlas"),
    "no job": lambda current: (current / "job.json").unlink(),
    "half a job": lambda current: (current / "job.json").write_text('{"version": 1'),
    "another state": lambda current: change(current / "state.json", part={"checkpoint": 3, "octave": "x"}),
    "a finished state": lambda current: change(current / "state.json", finished=True),
    "no files": lambda current: shutil.rmtree(current / "checkpoint"),
    "no folder": shutil.rmtree,
    "no checkpoint": lambda current: shutil.rmtree(current.parent),
    "a file": lambda current: (shutil.rmtree(current), current.write_text("")),
}


@pytest.mark.parametrize("kind", ["dream", "dream-on-disk"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_dream_at_work_that_is_damaged_or_lacking_is_begun_anew(stopped, two_channels, kind, damage):
    DAMAGES[damage](stopped(kind))
    events = list(jobs.resume("work", policy=OPEN, objects={"model": two_channels}))
    assert names() == ["a-png_sum.png", "b-png_sum.png"]
    assert events[-1].counts == {"dreamed": 2, "done before": 0, "failed": 0}
    assert not Path("work/checkpoint/current").exists()


def test_a_dream_at_work_that_would_write_elsewhere_is_not_gone_on_with(stopped, two_channels):
    place = {"path": str(Path("elsewhere.png").absolute())}
    change(stopped() / "job.json", outputs={"picture": place})
    list(jobs.resume("work", policy=OPEN, objects={"model": two_channels}))
    assert names() == ["a-png_sum.png", "b-png_sum.png"] and not Path("elsewhere.png").exists()


@pytest.fixture
def three_at_once(monkeypatch):
    """Have groups of three, as where a device is quicker with several."""
    monkeypatch.setattr("batcountry.jobs.bulk_batches.most_at_once", lambda *_, **__: 3)


def read(folder="out"):
    return {path.name: (np.asarray(Image.open(path)), read_note(path)) for path in Path(folder).iterdir()}


def test_pictures_of_one_size_are_dreamed_on_at_once_and_have_the_dreams_that_they_have_alone(
    bulk, photo, monkeypatch
):
    for index in range(4):
        Image.fromarray(np.roll(photo, 3 * index, 1)).save(f"in/c{index}.png")
    Image.fromarray(photo[:30]).save("in/small.png")
    Path("in/bad.jpg").write_text("no picture")
    list(bulk("sum", "mean"))
    alone = read()
    shutil.rmtree("out")
    monkeypatch.setattr("batcountry.jobs.bulk_batches.most_at_once", lambda *_, **__: 3)
    seen = []
    real = Together.steps
    monkeypatch.setattr(Together, "steps", lambda self: (seen.append(len(self._group)), real(self))[1])
    events = list(bulk("sum", "mean"))
    assert max(seen) == 3
    assert events[-1].counts == {"dreamed": 14, "done before": 0, "failed": 1}
    done = [each.done for each in told(events, Progress)]
    assert done == sorted(done) and done[-1] == 1.0
    together = read()
    assert together.keys() == alone.keys()
    for name, (pixels, note) in together.items():
        assert note == alone[name][1], name
        assert np.abs(np.int16(pixels) - alone[name][0]).max() <= 1, name
    assert list(bulk("sum", "mean"))[-1].counts == {"dreamed": 0, "done before": 14, "failed": 1}


def test_a_picture_that_turns_out_damaged_in_a_group_is_told_and_the_others_are_made(bulk, three_at_once):
    data = Path("in/a.png").read_bytes()
    Path("in/c.png").write_bytes(data[: len(data) // 2])
    events = list(bulk("sum"))
    assert events[-1].counts == {"dreamed": 2, "done before": 0, "failed": 1}
    assert any("c.png" in each.text for each in told(events, Message) if each.level == "error")
    assert names() == ["a-png_sum.png", "b-png_sum.png"]


def test_a_group_that_is_stopped_leaves_its_pictures_as_they_are(bulk, three_at_once):
    events = bulk("sum", iterations=5)
    for event in events:
        if isinstance(event, Progress) and event.done > 0.5:
            break
    with pytest.raises(KeyboardInterrupt):
        for event in (events.throw(KeyboardInterrupt()), *events):
            assert isinstance(event, Stopped)
    assert names() == ["a-png_sum-stopped.png", "b-png_sum-stopped.png"]
    assert all("stopped" in note for _, note in read().values())


def test_a_job_with_a_folder_that_is_stopped_in_a_group_begins_that_anew(bulk, three_at_once, two_channels):
    events = bulk("sum", iterations=5, work="work")
    for event in events:
        if isinstance(event, Progress):
            break
    events.close()
    events = list(jobs.resume("work", policy=OPEN, objects={"model": two_channels}))
    assert events[-1].counts["dreamed"] == 2
    assert names() == ["a-png_sum.png", "b-png_sum.png"]
