"""Animated pictures and folders of frames as films: times, transparency, order, and what is said of those that cannot be."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from batcountry.errors import BatCountryError, PictureError, VideoError
from batcountry.image.reading import read_picture
from batcountry.motion import join_frames, make_frames, save_video, video
from batcountry.motion.io import picture_frames
from batcountry.motion.io.animation import durations
from batcountry.motion.io.sources import clip_of
from motion.clips import facts
from motion.jobs.filming import resume, saving_video, stopped

TIMES = [50, 100, 300, 50, 50]
STILL = {"layer": "stem", "octaves": 1, "iterations": 1, "opacity": 0, "coherence": 0}


@pytest.fixture
def undreamed(two_channels):
    """Options for a film that goes through everything but the dream."""
    return {"model": two_channels, "opacity": 0, "coherence": 0}


@pytest.fixture
def frames():
    """Five frames, 36×64 RGBA, no two alike, with a hole that moves, and half transparent at the bottom."""
    y, x = np.mgrid[:36, :64]
    levels = np.dstack([x * 3, y * 6, x + y, np.full_like(x, 255)]).astype(np.uint8)
    found = []
    for index in range(5):
        frame = levels.copy()
        frame[..., 2] += np.uint8(25 * index)
        frame[(x - 10 - 9 * index) ** 2 + (y - 14) ** 2 < 60, 3] = 0
        frame[30:, :, 3] = 160
        found.append(frame)
    return found


@pytest.fixture
def animated(frames, tmp_path):
    def write(name):
        path = tmp_path / name
        first, *rest = (Image.fromarray(each) for each in frames)
        exact = {".webp": {"lossless": True, "exact": True}, ".gif": {"disposal": 2}}.get(path.suffix, {})
        first.save(path, save_all=True, append_images=rest, duration=TIMES, **exact)
        return path

    return write


def shown(path):
    """Each frame's milliseconds and RGBA, by Pillow alone."""
    with Image.open(path) as image:
        found = []
        for index in range(image.n_frames):
            image.seek(index)
            image.load()
            found.append((image.info["duration"], np.asarray(image.convert("RGBA"))))
    return [round(each) for each, _ in found], [levels for _, levels in found]


@pytest.mark.parametrize("target", [".gif", ".apng", ".webp"])
@pytest.mark.parametrize("source", ["in.gif", "in.png", "in.webp"])
def test_every_frame_keeps_its_own_time_and_what_is_transparent(
    animated, tmp_path, undreamed, source, target
):
    path = animated(source)
    save_video(path, tmp_path / f"out{target}", **undreamed)
    (_, before), (times, after) = shown(path), shown(tmp_path / f"out{target}")
    assert times == TIMES
    for one, other in zip(before, after, strict=True):
        if target == ".gif" or source == "in.gif":
            assert np.array_equal(one[..., 3] >= 128, other[..., 3] >= 128)
        else:
            assert np.array_equal(one[..., 3], other[..., 3])
        seen = one[..., 3] >= 128
        assert np.abs((np.float32(one) - other)[..., :3][seen].mean(0)).max() < (
            26 if target == ".gif" else 2
        )  # of one palette for all


def test_a_video_of_an_animation_has_its_times(animated, tmp_path, undreamed, caplog):
    save_video(animated("in.gif"), tmp_path / "out.mp4", **undreamed)
    found = facts(tmp_path / "out.mp4")
    assert [float(each) for each in found.times] == [0, 0.05, 0.15, 0.45, 0.5]
    assert found.duration == 550_000
    assert "out.mp4 holds no transparency, which is left out" in caplog.text


def test_what_a_browser_shows_for_a_tenth_of_a_second_is_as_long(frames, tmp_path):
    first, *rest = (Image.fromarray(each[..., :3]) for each in frames)
    first.save(tmp_path / "in.gif", save_all=True, append_images=rest, duration=[0, 10, 20, 40, 0])
    assert [each.duration for each in clip_of(tmp_path / "in.gif").shots()] == [100, 100, 20, 40, 100]


def test_a_stopped_animation_goes_on_to_the_very_same_file(animated, tmp_path):
    source = animated("in.gif")
    save_video(source, tmp_path / "whole.gif", **STILL)
    stopped(saving_video(source, tmp_path / "out.gif", **STILL), 3)
    assert shown(tmp_path / "out.gif")[0] == TIMES[:3]
    resume(f"{tmp_path / 'out.gif'}.journal")
    assert (tmp_path / "out.gif").read_bytes() == (tmp_path / "whole.gif").read_bytes()


@pytest.mark.parametrize("name", ["still.png", "still.jpg", "still.gif", "still.tif"])
def test_a_picture_that_does_not_move_is_no_film(tmp_path, frames, name):
    Image.fromarray(frames[0][..., :3]).save(tmp_path / name)
    with pytest.raises(VideoError, match=rf"{name} is a picture that does not move; dream on it with"):
        next(video(tmp_path / name))


def test_a_damaged_animation_gives_the_frames_that_it_has(animated, tmp_path, caplog):
    path = animated("in.gif")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 5])
    assert 2 <= len(list(clip_of(path).shots())) < 5


@pytest.fixture
def folder(tmp_path, frames):
    """A folder in which the order of the alphabet is not that of the numbers."""
    place = tmp_path / "frames"
    place.mkdir()
    for index, number in enumerate((1, 2, 9, 10, 100)):
        Image.fromarray(frames[index]).save(place / f"frame{number}.png")
    return place


def test_a_folder_s_pictures_are_taken_by_their_numbers(folder, frames, undreamed):
    found = list(video(folder, fps="10", **undreamed))
    assert [float(each.time) for each in found] == [0, 0.1, 0.2, 0.3, 0.4]
    for one, other in zip(found, frames, strict=True):
        assert np.array_equal(one.levels(), other)


def test_a_folder_s_own_times_are_kept(animated, tmp_path, undreamed):
    list(make_frames(animated("in.png"), tmp_path / "taken"))
    save_video(tmp_path / "taken", tmp_path / "out.apng", **undreamed)
    assert shown(tmp_path / "out.apng")[0] == TIMES
    list(join_frames(tmp_path / "taken", tmp_path / "joined.gif"))
    assert shown(tmp_path / "joined.gif")[0] == TIMES


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ('{"rate": 1}', "is damaged"),
        ("[" * 100_000, "is damaged"),
        ('{"frames": {"frame1.png": [0, 1]}}', "does not say when frame2.png is shown"),
        ('{"frames": {"frame1.png": [5, 1], "frame2.png": [3, 1]}}', "times that go back"),
    ],
)
def test_a_folder_s_times_are_doubted(folder, times, said):
    plain = {"source": "x", "rate": "25", "time_base": "1/25", "shift": "0", "stop": None}
    for number in (9, 10, 100):
        (folder / f"frame{number}.png").unlink()
    (folder / "times.json").write_text(json.dumps(plain | json.loads(times)) if "frames" in times else times)
    with pytest.raises(VideoError, match=said):
        next(video(folder))


def test_pictures_of_different_sizes_are_said(folder, frames, undreamed):
    Image.fromarray(frames[0][:20, :30]).save(folder / "frame11.png")
    with pytest.raises(PictureError, match=r"frame11\.png is 30×20, and frame1\.png is 64×36; .*one size"):
        next(video(folder, **undreamed))


def test_a_film_is_not_written_among_its_frames(folder, undreamed):
    with pytest.raises(VideoError, match="would lie among the frames"):
        save_video(folder, folder / "out.gif", **undreamed)


def test_a_folder_that_has_changed_is_not_gone_on_with(folder, tmp_path):
    stopped(saving_video(folder, tmp_path / "out.gif", **STILL), 2)
    shutil.copy(folder / "frame1.png", folder / "frame2.png")
    with pytest.raises(BatCountryError, match="is not the video that the film was begun with"):
        resume(f"{tmp_path / 'out.gif'}.journal")


def test_odd_sides_stay_odd_where_the_film_is_no_video(tmp_path, frames, undreamed):
    first, *rest = (Image.fromarray(each[:35, :63]) for each in frames)
    first.save(tmp_path / "in.png", save_all=True, append_images=rest, duration=TIMES)
    save_video(tmp_path / "in.png", tmp_path / "out.apng", **undreamed)
    save_video(tmp_path / "in.png", tmp_path / "out.mp4", **undreamed)
    assert shown(tmp_path / "out.apng")[1][0].shape == (35, 63, 4)
    assert facts(tmp_path / "out.mp4").size == (62, 34)


def test_a_gif_of_thousands_of_small_frames_is_whole(tmp_path):
    frames = [Image.new("P", (6, 4), index % 7) for index in range(1500)]
    for each in frames:
        each.putpalette([40 * (index // 3) for index in range(21)])
    path = tmp_path / "long.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=30, optimize=False)
    clip = clip_of(path)
    assert clip.frames == len(list(clip.shots())) == 1500
    picture = read_picture(path, frame=1499)
    assert picture.frames == 1500
    assert picture.pixels[0, 0, 0] == 40 * (1498 % 7)


def test_what_takes_minutes_to_draw_is_no_animation(tmp_path, frames, monkeypatch):
    monkeypatch.setattr(picture_frames, "MAX_DRAWN", 3 * (36 * 64 + 4096))
    first, *rest = (Image.fromarray(each) for each in frames)
    first.save(tmp_path / "in.png", save_all=True, append_images=rest[:2])
    assert clip_of(tmp_path / "in.png").frames == 3
    first.save(tmp_path / "in.png", save_all=True, append_images=rest)
    with pytest.raises(VideoError, match="too many frames for an animated picture; make it a video"):
        clip_of(tmp_path / "in.png")


def test_pages_of_a_tiff_are_frames(tmp_path, frames):
    gray = [Image.fromarray(np.full((36, 64), 257 * (9 + index), np.uint16)) for index in range(3)]
    for name, images in (("colors.tif", [Image.fromarray(each) for each in frames]), ("gray.tif", gray)):
        images[0].save(tmp_path / name, save_all=True, append_images=images[1:])
    shots = list(clip_of(tmp_path / "colors.tif").shots())
    assert [each.pts for each in shots] == [0, 100, 200, 300, 400]
    for shot, frame in zip(shots, frames, strict=True):
        assert np.array_equal(np.dstack([shot.levels, shot.alpha]), frame)
    assert [each.levels[0, 0, 1] for each in clip_of(tmp_path / "gray.tif").shots()] == [9, 10, 11]


def test_hidden_files_are_no_frames(folder):
    (folder / "._frame1.png").write_bytes(b"\0\5\x16\7 of macOS")
    assert clip_of(folder).frames == 5


def test_frames_too_short_for_players_take_their_time_from_those_after_them():
    fast = [(index * 8, 8) for index in range(10)]
    assert durations(fast, Fraction(1, 1000), 1000) == [11] * 10
    mixed = [(0, 40), (40, 1), (41, 1), (42, 358), (400, 40)]
    assert durations(mixed, Fraction(1, 1000), 1000) == [40, 11, 11, 338, 40]
    assert durations(mixed, Fraction(1, 1000), 100) == [40, 20, 20, 320, 40]


def test_a_name_that_is_too_long_is_no_film():
    with pytest.raises(VideoError, match="cannot be read"):
        clip_of(Path("x" * 300 + ".mp4"))


@pytest.mark.parametrize("name", ["in.webp", "in.png", "in.gif"])
def test_frames_of_an_animation_are_joined_to_a_video(animated, tmp_path, name):
    list(make_frames(animated(name), tmp_path / "taken"))
    list(join_frames(tmp_path / "taken", tmp_path / "out.mkv"))
    assert [float(each) for each in facts(tmp_path / "out.mkv").times] == [0, 0.05, 0.15, 0.45, 0.5]
