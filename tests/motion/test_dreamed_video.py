"""Dreams on videos: what hangs together, what is begun anew."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from batcountry import dream
from batcountry.errors import MissingExtra, RecipeError, VideoError
from batcountry.image.sky import sky
from batcountry.motion import VideoRecipe, video
from batcountry.motion import dreamed_video as filming_module
from batcountry.motion.flow import dis, estimate_motion, warped
from motion.clips import make_clip, moving

QUICK = {
    "layer": "stem",
    "octaves": 2,
    "iterations": 4,
    "frame_octaves": 1,
    "frame_iterations": 1,
    "jitter": 2,
}
PLAIN = {name: value for name, value in QUICK.items() if not name.startswith("frame")}
H, W = 64, 96


def noisy(frames):
    random = np.random.RandomState(1)
    return [np.uint8(np.clip(each + random.normal(0, 1.5, each.shape), 0, 255)) for each in frames]


def pan(count, seed=0):
    wide = sky(W + 3 * count, H + count, seed)
    return noisy([np.ascontiguousarray(wide[i : i + H, 3 * i : 3 * i + W]) for i in range(count)])


def filmed(path, frames, **options):
    return list(video(make_clip(path, frames, quality="4"), **options))


def warp_error(frames, outputs):
    flow, errors = dis(), []
    for index in range(1, len(frames)):
        movement = estimate_motion(frames[index - 1], frames[index], flow)
        difference = np.abs(outputs[index].pixels - warped(outputs[index - 1].pixels, movement.back))
        errors.append(difference[movement.seen > 0.99].mean())
    return np.mean(errors)


@pytest.mark.parametrize("scene", ["moving", "still"])
def test_the_warp_error_is_at_most_half_of_frame_by_frame_dreaming_s(tmp_path, scene):
    frames = pan(10) if scene == "moving" else noisy([sky(W, H)] * 10)
    options = {"layer": "blocks.5", "octaves": 3, "iterations": 10}
    coherent = warp_error(frames, filmed(tmp_path / "a.mkv", frames, **options))
    apart = warp_error(frames, filmed(tmp_path / "a.mkv", frames, coherence=0, **options))
    assert coherent < apart / 2


def test_a_cut_is_found_and_nothing_bleeds_over_it(tmp_path):
    second = [np.ascontiguousarray(each[::-1]) for each in moving(5, H, W)]
    frames = [*pan(5), *second]
    clip = make_clip(tmp_path / "in.mkv", frames, codec="ffv1", pixel_format="yuv444p")
    found = list(video(clip, **QUICK))
    assert [each.index for each in found if each.cut] == [0, 5]
    alone = dream(list(video(clip, opacity=0))[5].pixels, **PLAIN).pixels
    assert np.allclose(found[5].pixels, alone, atol=1e-3)


def test_the_first_frame_and_every_frame_at_no_coherence_is_the_plain_dream(tmp_path):
    frames = pan(3)
    inputs = filmed(tmp_path / "a.mkv", frames, opacity=0)
    apart = filmed(tmp_path / "a.mkv", frames, coherence=0, **QUICK)
    for before, after in zip(inputs, apart, strict=True):
        assert np.allclose(after.pixels, dream(before.pixels, **PLAIN).pixels, atol=1e-3)
    assert np.allclose(filmed(tmp_path / "a.mkv", frames, **QUICK)[0].pixels, apart[0].pixels)


def test_a_dream_on_a_picture_that_stands_stands(tmp_path):
    clip = make_clip(tmp_path / "in.mkv", [sky(W, H)] * 4, codec="ffv1", pixel_format="yuv444p")
    found = list(video(clip, **QUICK))
    assert all(np.array_equal(each.pixels, found[0].pixels) for each in found)


def test_frames_between_every_nth_carry_the_dream_without_steps(tmp_path, monkeypatch):
    calls = []
    dreaming = filming_module.FrameDreamer.dream

    def counted(self, *arguments, **options):
        calls.append(options["frame"])
        return dreaming(self, *arguments, **options)

    monkeypatch.setattr(filming_module.FrameDreamer, "dream", counted)
    found = filmed(tmp_path / "in.mkv", pan(7), every=3, **QUICK)
    assert calls == [0, 3, 6]
    assert len(found) == 7
    inputs = filmed(tmp_path / "in.mkv", pan(7), opacity=0)
    assert np.abs(found[2].pixels - inputs[2].pixels).mean() > 1


def test_a_mask_keeps_pixels_as_they_are(tmp_path):
    mask = np.zeros((H, W), np.uint8)
    mask[:, W // 2 :] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    options = {**QUICK, "anchor": 0}
    inputs = filmed(tmp_path / "in.mkv", pan(3), opacity=0)
    for before, after in zip(
        inputs, filmed(tmp_path / "in.mkv", pan(3), mask=str(tmp_path / "mask.png"), **options), strict=True
    ):
        apart = np.abs(before.pixels - after.pixels).mean((0, 2))
        assert apart[: W // 2 - 8].max() < 1
        assert apart[W // 2 + 8 :].mean() > 1


def test_a_mask_may_be_a_video(tmp_path):
    masks = []
    for index in range(4):
        mask = np.zeros((H, W, 3), np.uint8)
        mask[:, :32] = 255 * (index % 2 == 0)
        masks.append(mask)
    make_clip(tmp_path / "mask.mkv", masks, codec="ffv1", pixel_format="yuv444p")
    options = {**QUICK, "anchor": 0, "coherence": 0, "mask": str(tmp_path / "mask.mkv")}
    found = filmed(tmp_path / "in.mkv", pan(4), **options)
    inputs = filmed(tmp_path / "in.mkv", pan(4), opacity=0)
    apart = [np.abs(a.pixels - b.pixels)[:, :24].mean() for a, b in zip(inputs, found, strict=True)]
    assert min(apart[0], apart[2]) > 1 > max(apart[1], apart[3])


def test_a_guide_may_be_a_video_that_begins_again_when_it_ends(tmp_path):
    guides = [sky(80, 60, seed=4), moving(1, 60, 80, seed=8)[0]]
    make_clip(tmp_path / "guide.mkv", guides, codec="ffv1", pixel_format="yuv444p")
    clip = make_clip(tmp_path / "in.mkv", [sky(W, H)] * 3, codec="ffv1", pixel_format="yuv444p")
    options = {**PLAIN, "layer": "blocks.2"}
    found = list(video(clip, coherence=0, guide=str(tmp_path / "guide.mkv"), **options))
    assert not np.allclose(found[0].pixels, found[1].pixels, atol=2)
    assert np.allclose(found[0].pixels, found[2].pixels, atol=1e-3)
    still = next(iter(video(clip, opacity=0))).pixels
    shown = next(iter(video(tmp_path / "guide.mkv", opacity=0))).pixels
    assert np.allclose(found[0].pixels, dream(still, guide=shown, **options).pixels, atol=1e-2)


def test_a_flow_of_one_s_own_is_used(tmp_path):
    asked = []

    def standing(first, second):
        asked.append(first.shape)
        return np.zeros((*first.shape[:2], 2), np.float32)

    list(video(make_clip(tmp_path / "in.mkv", pan(3)), flow=standing, **QUICK))
    assert asked == [(H, W, 3)] * 4


def test_without_opencv_the_extra_is_named_and_coherence_0_still_works(tmp_path, monkeypatch):
    import sys

    clip = make_clip(tmp_path / "in.mkv", pan(2))
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtra, match=r"pip install opencv-python-headless, or .*'\.\[flow\]'"):
        video(clip, **QUICK)
    assert len(list(video(clip, coherence=0, **QUICK))) == 2


def test_a_guide_named_like_a_video_that_is_none_is_said(tmp_path):
    (tmp_path / "guide.mp4").write_bytes(b"nothing")
    with pytest.raises(VideoError, match="the guide cannot be used"):
        video(make_clip(tmp_path / "in.mkv", pan(2)), guide=str(tmp_path / "guide.mp4"), **QUICK)


def test_times_are_read_in_all_their_forms():
    assert [VideoRecipe.of({"begin": each}).begin for each in (90, "90", "1:30", "0:01:30")] == ["90"] * 4


@pytest.mark.parametrize("option", [{"redirect_relu": 3}, {"color": "keep"}, {"wrap": "x"}, {"clip": False}])
def test_fields_that_films_do_not_have_are_refused(option):
    with pytest.raises(RecipeError, match=f"films have no {next(iter(option))}"):
        VideoRecipe.of(option)
