"""Films that are stopped and gone on with are the films that were not."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from batcountry.backend.policy import STRICT
from batcountry.errors import JobError, PolicyError, VideoError
from batcountry.jobs.folder import JOB
from batcountry.motion import save_video, save_zoom
from batcountry.motion.jobs import sinks as stores
from children import COMMAND_LINE, killing
from motion.clips import facts, make_clip, moving
from motion.jobs.filming import resume, resuming, saving_video, saving_zoom, stopped

QUICK = {"layer": "stem", "octaves": 1, "iterations": 2, "frame_iterations": 1, "jitter": 2, "seed": 3}


@pytest.fixture(autouse=True)
def _place(tmp_path_factory, monkeypatch):
    """Work where the sources lie below, as films are resumed without leave only there."""
    monkeypatch.chdir(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clip") / "in.mp4", moving(52, 50, 70), tone=True)


@pytest.fixture(scope="module")
def whole(clip):
    return save_video(clip, clip.with_name("whole.mp4"), **QUICK).read_bytes()


@pytest.mark.parametrize("after", [1, 47, 48, 52])
def test_a_video_stopped_anywhere_goes_on_to_the_very_same_file(clip, whole, tmp_path, after):
    out = tmp_path / "whole.mp4"
    stopped(saving_video(clip, out, **QUICK), after)
    so_far = facts(out)
    assert so_far.times == facts(clip.with_name("whole.mp4")).times[:after]
    assert any(kind == "audio" for kind, _, _ in so_far.packets)
    assert resume(f"{out}.journal") == out
    assert out.read_bytes() == whole
    assert [each.name for each in tmp_path.iterdir()] == ["whole.mp4"]


def test_a_video_that_lies_elsewhere_is_read_only_with_leave(clip, whole, tmp_path, monkeypatch):
    out = tmp_path / "whole.mp4"
    stopped(saving_video(clip, out, **QUICK), 1)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PolicyError, match=f"--allow {clip.parent} "):
        resume(f"{out}.journal", policy=STRICT)
    resume(f"{out}.journal", policy=STRICT.allow(clip.parent))
    assert out.read_bytes() == whole


def test_a_film_may_be_stopped_many_times(clip, whole, tmp_path):
    out = tmp_path / "whole.mp4"
    stopped(saving_video(clip, out, **QUICK), 7)
    for after in (1, 30, 2):
        stopped(resuming(f"{out}.journal"), after)
    resume(f"{out}.journal")
    assert out.read_bytes() == whole


def test_a_video_killed_between_a_part_s_last_frame_and_the_part_goes_on_to_the_same_file(
    clip, whole, tmp_path, monkeypatch
):
    class KilledError(Exception):
        pass

    def encoded(*_):
        raise KilledError

    out = tmp_path / "whole.mp4"
    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(stores, "encoded", encoded)
        stopped(saving_video(clip, out, **QUICK), 48)
    resume(f"{out}.journal")
    assert out.read_bytes() == whole


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".apng", ""])
def test_a_zoom_stopped_goes_on_to_the_very_same_film(tmp_path, suffix):
    photo = tmp_path / "photo.png"
    Image.fromarray(moving(1, 60, 90)[0]).save(photo)
    options = {**QUICK, "frames": 8, "loop": True, "rotate": 2, "size": 64}
    whole, out = tmp_path / "a" / f"film{suffix}", tmp_path / "b" / f"film{suffix}"
    for each in (whole, out):
        each.parent.mkdir()
    save_zoom(photo, whole, **options)
    stopped(saving_zoom(photo, out, **options), 5)
    resume(f"{out}.journal")
    files = [sorted(each.glob("*.png")) if each.is_dir() else [each] for each in (whole, out)]
    contents = [[each.read_bytes() for each in some] for some in files]
    assert contents[0] == contents[1]
    assert len(files[1]) == (8 if not suffix else 1)
    assert not list(out.parent.glob("*.journal"))


def test_a_zoom_of_an_array_can_be_gone_on_with(tmp_path):
    out = tmp_path / "film.gif"
    stopped(saving_zoom(moving(1, 40, 60)[0], out, frames=4, **QUICK), 2)
    resume(f"{out}.journal")
    with Image.open(out) as film:
        assert film.n_frames == 4


SIDE_BY_SIDE = f"""
from batcountry.motion.overlap import stages_run
with stages_run("side by side"):
    {COMMAND_LINE}
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
@pytest.mark.parametrize("program", [COMMAND_LINE, SIDE_BY_SIDE], ids=["in turn", "side by side"])
def test_killed_at_random_moments_nothing_is_lost(clip, whole, tmp_path, program):
    out, random = tmp_path / "whole.mp4", np.random.RandomState(5)
    options = [part for name, value in QUICK.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    journal = Path(f"{out}.journal")
    arguments = ["video", str(clip), str(out), *options]
    with killing("batcountry.cli.app", "batcountry.motion.jobs.kinds") as killed_at:
        for frames in (3, 20, 45):
            # A frame and what the next depends on are four operations, at least.
            assert killed_at(4 * frames + random.randint(20), journal, program, *arguments)
            assert (journal / JOB).exists() and list(journal.glob("*/frame-*"))
            arguments = ["resume", str(journal), "--allow", str(clip.parent)]
    resume(journal)
    assert _played(out) == _played(clip.with_name("whole.mp4"))


def test_a_second_film_of_that_name_and_a_second_process_are_refused(clip, tmp_path):
    out = tmp_path / "out.mp4"
    made = saving_video(clip, out, **QUICK)
    next(made)
    with pytest.raises(VideoError, match="unfinished film"):
        saving_video(clip, out, **QUICK)
    with pytest.raises(JobError, match="another process"):
        next(resuming(f"{out}.journal"))
    made.close()


def test_another_source_is_refused(tmp_path):
    clip = make_clip(tmp_path / "in.mp4", moving(6))
    stopped(saving_video(clip, tmp_path / "out.mp4", **QUICK), 2)
    make_clip(clip, moving(7))
    with pytest.raises(VideoError, match="is not the video"):
        resume(tmp_path / "out.mp4.journal")


@pytest.mark.parametrize("damage", ["none", "garbage", "state"])
def test_a_folder_that_is_no_journal_or_a_damaged_one_is_refused(clip, tmp_path, damage):
    folder = tmp_path / "out.mp4.journal"
    if damage != "none":
        stopped(saving_video(clip, tmp_path / "out.mp4", **QUICK), 2)
    if damage == "garbage":
        (folder / JOB).write_text("{}")
    if damage == "state":
        next(folder.glob("*/state-*")).write_bytes(b"PK nothing")
    with pytest.raises((JobError, VideoError)):
        resume(folder)


def test_what_is_kept_on_disk_is_bounded(clip, tmp_path):
    out = tmp_path / "out.mp4"
    sizes = []
    for at in saving_video(clip, out, **QUICK):
        kept = sorted(each.name for each in Path(f"{out}.journal", "checkpoint").glob("*.npz"))
        sizes.append(sum(each.startswith("frame-") for each in kept))
        assert sum(each.startswith("state-") for each in kept) == 1
        assert at.where[0].of == 52
    assert max(sizes) == 47
    assert sizes[-1] == 4


def _played(path: Path) -> list:
    """Every frame, time and packet; the notes inside may differ in the source's name as it was given."""
    found = facts(path)
    return [found.times, found.packets, [each.tobytes() for each in found.frames]]


def test_a_flow_of_one_s_own_has_to_be_given_again(clip, tmp_path):
    def standing(first, second):
        return np.zeros((*first.shape[:2], 2), np.float32)

    stopped(saving_video(clip, tmp_path / "out.mp4", flow=standing, **QUICK), 3)
    with pytest.raises(VideoError, match="flow of your own"):
        resume(tmp_path / "out.mp4.journal")
    stopped(resuming(tmp_path / "out.mp4.journal", flow=standing), 2)
    assert len(facts(tmp_path / "out.mp4").times) == 5
    resume(tmp_path / "out.mp4", flow=standing)
    assert len(facts(tmp_path / "out.mp4").times) == 52
