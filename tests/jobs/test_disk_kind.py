"""Dreams on disk: the same as in memory, and not lost when they are stopped."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import batcountry
from batcountry.dreams.disk import planning
from batcountry.dreams.disk import worker as running
from batcountry.errors import (
    BatCountryError,
    JobError,
    OutputError,
    OutputExists,
    PictureError,
    RecipeError,
)
from batcountry.image.files import read_note
from batcountry.image.reading import read_picture
from batcountry.jobs import JobFolder, dream_on_disk
from children import killing
from jobs.running import dreaming, resume, resuming

pytest.importorskip("pyvips", reason="needs pyvips, which the extra `big` brings")

OPTIONS = {"layer": "blocks.2", "octaves": 2, "iterations": 3, "precision": "exact"}


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A folder to work in, with a picture of 150×100 pixels."""
    monkeypatch.chdir(tmp_path)
    noise = np.random.RandomState(0).uniform(0, 255, (10, 15, 3)).astype(np.uint8)
    Image.fromarray(noise).resize((150, 100), Image.Resampling.BICUBIC).save("photo.png")
    return tmp_path


def dreaming_on_disk(image, output, **options):
    return dreaming(image, output, on_disk=True, **options)


def pixels(name: str) -> np.ndarray:
    with Image.open(name) as image:
        return np.array(image)


def close(found: Path, wanted: np.ndarray) -> bool:
    """Whether two dreams are one but for rounding, which 6 steps spread a little."""
    difference = np.abs(read_picture(found).pixels - wanted)
    return bool(difference.mean() < 0.2)


@pytest.mark.parametrize("look", [{"iterations": 1}, {"param": "pixels"}], ids=["default", "pixels"])
@pytest.mark.parametrize("wrap", ["none", "x", "xy"])
@pytest.mark.parametrize("tile", [None, 64])
def test_a_dream_on_disk_is_the_one_in_memory(place, tile, wrap, look):
    options = {**OPTIONS, "tile": tile, "wrap": wrap, **look}
    picture = pixels("photo.png")
    if wrap != "none":  # only in memory a picture is changed until its edges fit; here they fit already
        picture[-1], picture[:, -1] = picture[0], picture[:, 0]
    Image.fromarray(picture).save("fitting.png")
    dream_on_disk("fitting.png", "disk.png", **options)
    wanted = batcountry.dream("fitting.png", **options)
    assert close(Path("disk.png"), wanted.array())
    assert not close(Path("disk.png"), picture)
    assert pixels("disk.png").shape == (100, 150, 3)


def test_without_clip_the_brightest_is_brought_to_white_on_disk_as_in_memory(place):
    options = {**OPTIONS, "param": "pixels", "clip": False, "step_size": 40, "octaves": 1}
    dream_on_disk("photo.png", "disk.png", **options)
    wanted = batcountry.dream("photo.png", **options)
    last = list(batcountry.dreaming("photo.png", **options))[-1]
    assert float(last.image.quantile(0.99)) > 260
    assert close(Path("disk.png"), wanted.array())


@pytest.mark.parametrize("name", ["dream.tif", "dream.png", "dream.jpg", "dream.webp"])
def test_every_format_carries_the_recipe(place, name):
    dream_on_disk("photo.png", name, **OPTIONS)
    note = json.loads(read_note(Path(name)) or "")
    assert note["recipe"]["layer"] == "blocks.2"
    assert note["input"] == "photo.png"
    assert sorted(each.name for each in place.iterdir()) == sorted([name, "photo.png"])


def test_the_result_is_a_tiled_bigtiff(place):
    dream_on_disk("photo.png", "dream.tif", **OPTIONS)
    assert Path("dream.tif").read_bytes()[2] == 43
    with Image.open("dream.tif") as found:
        assert found.tag_v2[322] == 256


def test_transparency_profile_and_orientation_are_kept(place):
    image = Image.fromarray(pixels("photo.png"))
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    exif = Image.Exif()
    exif[274] = 6
    profile = srgb()
    image.save("turned.png", exif=exif, icc_profile=profile)
    dream_on_disk("turned.png", "dream.png", **OPTIONS)
    with Image.open("dream.png") as found:
        assert found.size == (100, 150)
        assert found.mode == "RGBA"
        assert found.info["icc_profile"] == profile


def srgb() -> bytes:
    from PIL import ImageCms

    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("mode", ["L", "LA", "I;16", "CMYK", "1", "P"])
def test_pictures_of_any_mode_are_read(place, mode):
    picture = Image.fromarray(pixels("photo.png"))
    image = (
        picture.convert("L").convert("I").point(lambda v: v * 257).convert("I;16")
        if mode == "I;16"
        else picture.convert(mode)
    )
    image.save("odd.tif")
    dream_on_disk("odd.tif", "dream.png", **{**OPTIONS, "iterations": 1, "step_size": 0.01})
    with Image.open("dream.png") as found:
        assert found.size == (150, 100)
        if mode in ("L", "I;16"):
            wanted = np.float32(picture.convert("L"))
            assert np.abs(np.float32(found.convert("L")) - wanted).mean() < 2


def test_enlarging_makes_the_longer_side_that_long(place):
    dream_on_disk("photo.png", "large.png", enlarge=301, **OPTIONS)
    assert pixels("large.png").shape == (201, 301, 3)
    assert batcountry.dream("photo.png", enlarge=301, **OPTIONS).size == (301, 201)


def test_stopped_after_any_step_it_ends_as_if_it_had_not_been(place):
    dream_on_disk("photo.png", "whole.png", tile=64, **OPTIONS)
    for stop in (1, 3, 5):
        steps = dreaming_on_disk("photo.png", f"parts{stop}.png", work=f"work{stop}", tile=64, **OPTIONS)
        for _ in range(stop):
            next(steps)
        steps.close()
        resume(f"work{stop}")
        assert np.array_equal(pixels(f"parts{stop}.png"), pixels("whole.png"))
        assert not list(Path(f"work{stop}").rglob("*.raw"))


RUN = """
import sys
from batcountry.backend.policy import OPEN
from batcountry.jobs import dream_on_disk, finish, resume
options = dict(layer="blocks.2", octaves=2, iterations=3, precision="exact", tile=64, enlarge=500)
if sys.argv[1] == "new":
    dream_on_disk("photo.png", "killed.png", work="work", **options)
else:
    finish(resume("work", policy=OPEN))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_killed_again_and_again_it_ends_with_the_identical_picture(place):
    dream_on_disk("photo.png", "whole.png", tile=64, enlarge=500, **OPTIONS)
    work, rng = Path("work"), random.Random(7)
    with killing("batcountry.jobs.disk_kind") as killed_at:
        assert killed_at(2, work, RUN, "new")
        assert not (work / "job.json").exists()  # there is nothing to go on with yet
        shutil.rmtree(work)
        assert killed_at(12, work, RUN, "new")
        reached = [JobFolder(work).state()]
        for _ in range(4):
            assert killed_at(rng.randint(20, 230), work, RUN, "more")
            reached.append(JobFolder(work).state())
    assert len(set(map(str, reached))) > 2, reached  # it was killed in several iterations
    resume("work")
    assert np.array_equal(pixels("killed.png"), pixels("whole.png"))


def test_the_picture_that_was_begun_with_has_to_be_there(place):
    next(steps := dreaming_on_disk("photo.png", "d.png", work="work", **OPTIONS))
    steps.close()
    Image.new("RGB", (150, 100)).save("photo.png")
    with pytest.raises(PictureError, match="not the picture that the job was begun with"):
        resume("work")
    Path("photo.png").unlink()
    with pytest.raises(PictureError, match="there is no file"):
        resume("work")


def test_what_cannot_be_gone_on_with_is_said(place):
    with pytest.raises(JobError, match="there is no job to go on with in nowhere"):
        resume("nowhere")
    dream_on_disk("photo.png", "d.png", work="work", **OPTIONS)
    with pytest.raises(JobError, match="is finished; it is in"):
        resume("work")
    Path("work/job.json").write_text('{"version": 1, "note": 3}')
    with pytest.raises(JobError, match=r"job.json is damaged"):
        resume("work")


def part(**fields):
    """Return what changes fields of a state's part."""

    def damage(file):
        found = json.loads(file.read_text())
        found["part"].update(fields)
        file.write_text(json.dumps(found))

    return damage


@pytest.mark.parametrize(
    ("file", "damage", "said"),
    [
        ("state.json", lambda file: file.write_text("{"), "state.json is damaged: it is not JSON"),
        ("state.json", part(octave=9), "the state in work is not of the dream in it"),
        ("state.json", part(iteration=-1), "work does not say how far its dream is"),
        ("checkpoint/image-0-1.raw", Path.unlink, "image-0-1.raw is missing; put it back"),
        (
            "checkpoint/image-0-1.raw",
            lambda file: os.truncate(file, 1000),
            "image-0-1.raw is shorter than it should be",
        ),
    ],
)
def test_a_damaged_folder_is_said(place, file, damage, said):
    steps = dreaming_on_disk("photo.png", "d.png", work="work", **OPTIONS)
    next(steps)
    steps.close()
    damage(Path("work", file))
    with pytest.raises(BatCountryError, match=said):
        resume("work")
    assert not Path("d.png").exists()


def test_two_processes_cannot_work_in_one_folder(place):
    steps = dreaming_on_disk("photo.png", "d.png", work="work", **OPTIONS)
    next(steps)
    with (
        pytest.raises(JobError, match="another process is at work in work"),
        JobFolder(Path("work")).alone(),
    ):
        raise AssertionError("it should not get here")
    with pytest.raises(JobError, match="another process is at work in work"):
        next(resuming("work"))
    steps.close()


def test_a_disk_that_is_too_small_is_said_before(place, monkeypatch):
    monkeypatch.setattr("batcountry.jobs.disk_kind.free_disk", lambda folder: 1000)
    with pytest.raises(JobError, match=r"GB of disk in work, and 0\.0 GB are free"):
        dreaming_on_disk("photo.png", "d.png", work="work", **OPTIONS)
    assert not Path("work").exists()
    Path("mine").mkdir()
    with pytest.raises(JobError, match="GB of disk in mine"):
        dreaming_on_disk("photo.png", "d.png", work="mine", **OPTIONS)
    assert Path("mine").is_dir()


def test_a_disk_that_fills_up_stops_the_dream_in_one_sentence_and_it_goes_on(place, monkeypatch):
    steps = dreaming_on_disk("photo.png", "parts.png", work="work", **OPTIONS)
    next(steps)
    with monkeypatch.context() as patch:
        patch.setattr("batcountry.dreams.disk.canvas.Canvas.blank", full)
        with pytest.raises(JobError, match="stopped: No space left on device; make room and go on"):
            next(steps)
    resume("work")
    dream_on_disk("photo.png", "whole.png", **OPTIONS)
    assert np.array_equal(pixels("parts.png"), pixels("whole.png"))


def test_memory_that_runs_out_once_means_smaller_tiles_and_twice_is_said(place, monkeypatch):
    dream_on_disk("photo.png", "whole.png", tile=64, **OPTIONS)
    steps = dreaming_on_disk("photo.png", "parts.png", work="work", tile=64, **OPTIONS)
    next(steps)
    ascend, left = running.ascend, [1]

    def lacking(*arguments):
        if left and left.pop():
            raise MemoryError
        return ascend(*arguments)

    monkeypatch.setattr(running, "ascend", lacking)
    next(steps)
    left.append(1)
    with pytest.raises(RecipeError, match="memory ran out; close other programs and go on"):
        next(steps)
    resume("work")
    assert close(Path("parts.png"), read_picture("whole.png").pixels)


def test_the_time_said_has_the_disks_share_in_it(place, caplog, monkeypatch):
    caplog.set_level("INFO", "batcountry")
    # Whatever time the gradient takes here, the disk's share is the same.
    monkeypatch.setattr("batcountry.dreams.costs.time", SimpleNamespace(perf_counter=lambda: 0.0))
    said = []
    for factor in (1, 1e4):
        for name in ("STEP_SECONDS", "END_SECONDS"):
            monkeypatch.setattr(planning, name, factor * getattr(planning, name))
        said.append(
            dreaming_on_disk("photo.png", "disk.png", work=f"work{factor}", **OPTIONS).run.job.seconds
        )
    first, last = said
    # 1e4 times 5e-8 s for each of 3 steps on 22,597 pixels in two octaves, and 7e-8 s for 15,000.
    assert last - first == pytest.approx(44.4, abs=0.1)


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    "content", [b"", b"II+\0\x08\0\0\0", b"\x89PNG\r\n\x1a\n" + b"\xff" * 40, b"P6 9 9 255 x"]
)
def test_garbage_is_one_sentence_and_leaves_nothing(place, content):
    Path("bad.tif").write_bytes(content)
    before = sorted(place.iterdir())
    with pytest.raises(BatCountryError) as error:
        dream_on_disk("bad.tif", "d.png", **OPTIONS)
    assert "bad.tif" in str(error.value)
    assert "\n" not in str(error.value)
    assert sorted(place.iterdir()) == before


def test_a_folder_in_use_is_not_written_into(place):
    Path("work").mkdir()
    Path("work/letter.txt").write_text("mine")
    with pytest.raises(JobError, match="work is there already and not empty"):
        dream_on_disk("photo.png", "d.png", work="work", **OPTIONS)
    with pytest.raises(PictureError, match="work is there already and not empty"):
        dream_on_disk("photo.png", "d.png", deepzoom="work", **OPTIONS)


def test_a_deep_zoom_has_all_levels_and_a_page_that_needs_no_network(place):
    dream_on_disk(
        "photo.png", "d.png", enlarge=1200, deepzoom="zoom", **{**OPTIONS, "octaves": 1, "iterations": 1}
    )
    page = Path("zoom/index.html").read_text()
    assert '"width": 1200, "height": 800' in page
    assert "http" not in page
    with Image.open("zoom/dream_files/11/1_1.jpg") as tile:
        assert tile.size == (512, 291)
    with Image.open("zoom/dream_files/0/0_0.jpg") as tile:
        assert tile.size == (1, 1)


def test_what_is_there_is_replaced_only_on_request(place):
    Path("d.png").write_text("mine")
    with pytest.raises(OutputExists, match="overwrite=True"):
        dream_on_disk("photo.png", "d.png", **OPTIONS)
    assert Path("d.png").read_text() == "mine"
    with pytest.raises(OutputError, match="never written over"):
        dream_on_disk("photo.png", "photo.png", overwrite=True, **OPTIONS)
    assert dream_on_disk("photo.png", "d.png", overwrite=True, **OPTIONS) == Path("d.png")
    assert pixels("d.png").shape == (100, 150, 3)


def test_what_comes_to_be_there_meanwhile_stays_and_the_dream_is_not_lost(place):
    steps = dreaming_on_disk("photo.png", "d.png", deepzoom="zoom", work="work", **OPTIONS)
    next(steps)
    steps.close()
    Path("d.png").write_text("somebody's")
    Path("zoom").mkdir()
    Path("zoom/index.html").write_text("somebody's")
    assert resume("work") == place / "d-2.png"
    assert Path("d.png").read_text() == "somebody's" and pixels("d-2.png").shape == (100, 150, 3)
    assert Path("zoom/index.html").read_text() == "somebody's" and Path("zoom-2/dream.dzi").exists()
    with pytest.raises(JobError, match=r"it is in .*d-2\.png"):
        resume("work")


def test_killed_when_the_picture_was_written_it_is_known_and_not_written_twice(place, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(running.images, "save_pyramid", killed)
        with pytest.raises(KeyboardInterrupt):
            dream_on_disk("photo.png", "d.png", deepzoom="zoom", work="work", **OPTIONS)
    before = Path("d.png").stat().st_mtime_ns
    assert resume("work") == place / "d.png"
    assert Path("d.png").stat().st_mtime_ns == before
    assert sorted(each.name for each in place.iterdir()) == ["d.png", "photo.png", "work", "zoom"]


def test_a_folder_of_its_own_is_resumed_too_and_gone_in_the_end(place):
    steps = dreaming_on_disk("photo.png", "d.png", **OPTIONS)
    next(steps)
    steps.close()
    assert resume(steps.folder) == place / "d.png"
    assert sorted(each.name for each in place.iterdir()) == ["d.png", "photo.png"]


def test_a_pyramid_that_may_be_replaced_is_not_if_other_files_came_into_it(place):
    options = {**OPTIONS, "octaves": 1, "iterations": 1, "deepzoom": "zoom"}
    dream_on_disk("photo.png", "d.png", **options)
    steps = dreaming_on_disk("photo.png", "d.png", overwrite=True, **options)
    next(steps)
    Path("zoom/diary.txt").write_text("mine")
    for _ in steps:
        pass
    assert steps.output() == Path("d.png") and steps.output("deepzoom") == Path("zoom-2")
    assert Path("zoom/diary.txt").read_text() == "mine" and Path("zoom-2/index.html").exists()


@pytest.mark.parametrize("holds", [False, True])
def test_a_dream_without_waiting_is_the_usual_one_and_can_be_stopped(place, monkeypatch, holds):
    from batcountry.backend.graphs import steps_run
    from batcountry.jobs import disk_kind

    real = disk_kind.planned
    for _ in dreaming_on_disk("photo.png", "usual.png", tile=48, **OPTIONS):
        pass
    monkeypatch.setattr(disk_kind, "planned", lambda *given: replace(real(*given), holds=holds))
    with steps_run("static"):
        for _ in dreaming_on_disk("photo.png", "whole.png", tile=48, **OPTIONS):
            pass
        steps = dreaming_on_disk("photo.png", "stopped.png", tile=48, work="run", **OPTIONS)
        for _ in range(4):
            next(steps)
        steps.close()
        resume("run")
    assert close(place / "whole.png", pixels("usual.png").astype(np.float32))
    assert np.array_equal(pixels("stopped.png"), pixels("whole.png"))
