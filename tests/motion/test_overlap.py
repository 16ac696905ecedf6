"""Stages of a film side by side: the same frames, bounded, and nothing left behind when one of them ends early."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from batcountry.backend.graphs import steps_run
from batcountry.errors import JobError, PictureError, RecipeError
from batcountry.motion import save_video, video, zoom
from batcountry.motion.flow import carried_on, dis, estimate_motion
from batcountry.motion.frame import Frame, levels_of, tensor
from batcountry.motion.frame_dreamer import FrameDreamer
from batcountry.motion.jobs import sinks
from batcountry.motion.overlap import stages_run
from motion.clips import make_clip, moving
from motion.jobs.filming import resume, saving_video, stopped

QUICK = {"layer": "stem", "octaves": 1, "iterations": 2, "frame_iterations": 1, "jitter": 2, "device": "cpu"}


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clip") / "in.mp4", moving(9, 50, 70))


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() <= before


@pytest.mark.parametrize("options", [{}, {"coherence": 0}, {"every": 2}, {"opacity": "0: 0, 4: 1"}])
def test_frames_side_by_side_are_those_in_turn(clip, options):
    found = {}
    for kind in ("in turn", "side by side"):
        with stages_run(kind):
            found[kind] = list(video(clip, **QUICK, **options))
    for one, other in zip(*found.values(), strict=True):
        assert repr(one) == repr(other) and np.array_equal(one.pixels, other.pixels)
        assert one.state.keys() == other.state.keys()
        assert all(np.array_equal(one.state[name], other.state[name]) for name in one.state)


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ""])
def test_films_side_by_side_are_those_in_turn(clip, tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(sinks.Format, "part", 4)  # so that there are parts, and a rest
    found = {}
    for kind in ("in turn", "side by side"):
        (tmp_path / kind).mkdir()
        with stages_run(kind):
            out = save_video(clip, tmp_path / kind / f"film{suffix}", **QUICK)
        files = sorted(out.glob("*.png")) if out.is_dir() else [out]
        found[kind] = [each.read_bytes() for each in files]
        assert not list(out.parent.glob("*.journal"))
    assert found["in turn"] == found["side by side"]


@pytest.mark.parametrize("after", [1, 3, 8])
def test_a_film_side_by_side_that_is_stopped_goes_on_to_the_same_file(clip, tmp_path, after, monkeypatch):
    monkeypatch.setattr(sinks.Format, "part", 4)
    monkeypatch.chdir(clip.parent.parent)
    whole = save_video(clip, tmp_path / "whole.mp4", **QUICK).read_bytes()
    (tmp_path / "again").mkdir()
    out = tmp_path / "again" / "whole.mp4"
    with stages_run("side by side"):
        stopped(saving_video(clip, out, **QUICK), after)
        resume(f"{out}.journal")
    assert out.read_bytes() == whole


def test_an_error_of_the_flow_ends_the_film_with_its_sentence(clip, tmp_path):
    def flow(first, second):
        return np.zeros((1, 1, 2), np.float32)

    with stages_run("side by side"), pytest.raises(PictureError, match="the flow gave"):
        save_video(clip, tmp_path / "film.mp4", flow=flow, **QUICK)


def test_a_full_disk_ends_the_film_with_its_sentence_and_it_can_be_gone_on_with(clip, tmp_path, monkeypatch):
    real, count = sinks.replace_file, []

    def full(path, *pieces):
        count.append(path)
        if len(count) == 4:
            raise OSError(28, "No space left on device", str(path))
        real(path, *pieces)

    monkeypatch.chdir(clip.parent.parent)
    out = tmp_path / "film.mp4"
    with stages_run("side by side"):
        with monkeypatch.context() as patch:
            patch.setattr(sinks, "replace_file", full)
            with pytest.raises(JobError, match=r"No space left.*go on from there"):
                save_video(clip, out, **QUICK)
        resume(f"{out}.journal")
    assert out.exists()


def test_an_error_of_the_encoder_ends_the_film(clip, tmp_path, monkeypatch):
    def encoded(*_):
        raise PictureError("it cannot be encoded")

    monkeypatch.setattr(sinks.Format, "part", 4)
    monkeypatch.setattr(sinks, "encoded", encoded)
    with stages_run("side by side"), pytest.raises(PictureError, match="it cannot be encoded"):
        save_video(clip, tmp_path / "film.mp4", **QUICK)


def test_ctrl_c_ends_all_stages(clip, tmp_path, monkeypatch):
    real, dreams = FrameDreamer.dream, []

    def dream(self, *given, **named):
        dreams.append(1)
        if len(dreams) == 4:
            raise KeyboardInterrupt
        return real(self, *given, **named)

    monkeypatch.setattr(FrameDreamer, "dream", dream)
    with stages_run("side by side"), pytest.raises(KeyboardInterrupt):
        save_video(clip, tmp_path / "film.mp4", **QUICK)
    assert (tmp_path / "film.mp4.journal").is_dir()


@pytest.mark.parametrize("deep", [False, True])
def test_levels_from_a_device_are_those_of_the_frame(deep):
    pixels = np.random.RandomState(0).uniform(-9, 264, (31, 23, 3)).astype(np.float32)
    pixels[0, :3] = [[0.5, 1.5, 2.5], [254.5, 255, 256], [0, -1, 0.498]]
    found = levels_of(tensor(pixels, "cpu"), deep=deep).numpy()
    found = found.view(np.uint16) ^ np.uint16(1 << 15) if deep else found
    assert np.array_equal(found, Frame(0, 1, 0, 1, 1, pixels).levels(deep))


def test_detail_moved_on_a_device_is_what_opencv_moves():
    first, second = moving(2, 61, 83)
    movement = estimate_motion(first, second, dis())
    detail = np.random.RandomState(1).normal(0, 30, (61, 83, 3)).astype(np.float32)
    back, seen = tensor(movement.back, "cpu"), tensor(movement.seen[..., None], "cpu")
    found = carried_on(tensor(detail, "cpu"), back[0].permute(1, 2, 0), seen[0, 0])
    apart = np.abs(found[0].permute(1, 2, 0).numpy() - movement.carried(detail))
    assert movement.seen.mean() > 0.5
    # OpenCV reads at steps of a 32nd of a pixel.
    assert apart.mean() < 1 and apart.max() < 10


def test_frames_with_steps_on_buffers_that_stay_are_those_without(clip):
    found = {}
    for kind in ("plain", "static"):
        with steps_run(kind):
            found[kind] = [frame.pixels for frame in video(clip, **QUICK)][:4]
    for one, other in zip(*found.values(), strict=True):
        assert np.abs(one - other).mean() < 0.5


def test_a_dream_that_is_not_finite_is_found_out_without_waiting_in_the_same_sentence():
    said = []
    for kind in ("plain", "static"):
        options = {**QUICK, "layer": None, "objective": '1e40 * layer("stem")'}
        with steps_run(kind), pytest.raises(RecipeError) as raised:
            list(zoom(moving(1, 40, 60)[0], frames=3, **options))
        said.append(str(raised.value))
    assert said[0] == said[1]
