"""What a dream must not change: frames, times, duration, sound, subtitles, depth, which way is up."""

from __future__ import annotations

import struct
from fractions import Fraction

import numpy as np
import pytest

from batcountry.errors import VideoError
from batcountry.motion import save_video, video
from batcountry.motion.io.sources import clip_of
from motion.clips import facts, make_clip, moving


@pytest.fixture
def undreamed(two_channels):
    """Options for a video that goes through everything but the dream."""
    return {"model": two_channels, "opacity": 0, "coherence": 0}


@pytest.mark.slow
def test_ten_seconds_with_sound_keep_every_frame_time_and_packet(tmp_path, undreamed):
    frames = moving(250, 360, 640)
    source = make_clip(tmp_path / "in.mp4", frames, tone=True)
    save_video(source, tmp_path / "out.mp4", **undreamed)
    before, after = facts(source), facts(tmp_path / "out.mp4")
    assert len(after.times) == 250
    assert after.times == before.times
    assert after.duration == before.duration == 10_000_000
    assert after.packets == before.packets
    assert len(after.packets) > 400
    drift = [np.abs(np.float32(a) - b).mean() for a, b in zip(before.frames, after.frames, strict=True)]
    assert max(drift) < 4


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_variable_frame_rates_keep_every_time(tmp_path, undreamed, suffix):
    steps = np.random.RandomState(4).randint(200, 1800, 60)
    times = [int(each) for each in np.cumsum(steps) - steps[0]]
    base = Fraction(1, 12_800) if suffix != ".mkv" else Fraction(1, 1000)
    source = make_clip(
        tmp_path / f"in{suffix}", moving(60), times=times, time_base=base, tone=suffix != ".mkv"
    )
    save_video(source, tmp_path / f"out{suffix}", **undreamed)
    before, after = facts(source), facts(tmp_path / f"out{suffix}")
    assert after.times == before.times
    assert len(set(np.diff(np.array(after.times, float)).round(4))) > 20
    assert after.packets == before.packets
    assert after.duration == before.duration


def test_rates_that_are_fractions_keep_every_time(tmp_path, undreamed):
    source = make_clip(tmp_path / "in.mp4", moving(60), rate=Fraction(30_000, 1001), tone=True)
    save_video(source, tmp_path / "out.mp4", **undreamed)
    before, after = facts(source), facts(tmp_path / "out.mp4")
    assert after.times == before.times
    assert after.times[59] == 59 * Fraction(1001, 30_000)
    assert after.packets == before.packets


def test_subtitles_chapters_and_titles_go_along(tmp_path, undreamed):
    words = [(0, 400, "first"), (500, 300, "second")]
    source = make_clip(tmp_path / "in.mkv", moving(30), subtitles=words, tone=True, tags={"title": "Über"})
    save_video(source, tmp_path / "out.mkv", **undreamed)
    before, after = facts(source), facts(tmp_path / "out.mkv")
    assert [each for each in after.packets if each[0] == "subtitle"] == [
        each for each in before.packets if each[0] == "subtitle"
    ]
    assert [bytes(each[2]) for each in after.packets if each[0] == "subtitle"] == [b"first", b"second"]
    assert after.tags["title"] == "Über"


def test_what_a_file_cannot_hold_is_said_and_left_out(tmp_path, undreamed, caplog):
    source = make_clip(tmp_path / "in.mkv", moving(10), subtitles=[(0, 400, "first")], tone=True)
    save_video(source, tmp_path / "out.mp4", **undreamed)
    assert "the subtitles" in caplog.text and ".mkv" in caplog.text
    assert {each[0] for each in facts(tmp_path / "out.mp4").packets} == {"audio"}


@pytest.mark.parametrize("turn", [90, -90, 180])
def test_a_turned_video_is_dreamed_on_and_written_upright(tmp_path, undreamed, turn):
    frames = moving(6, 48, 80)
    source = make_clip(tmp_path / "in.mp4", frames, turn=turn)
    save_video(source, tmp_path / "out.mp4", **undreamed)
    found = facts(tmp_path / "out.mp4")
    upright = np.rot90(frames[3], turn // 90)
    assert found.size == upright.shape[1::-1]
    assert np.abs(np.float32(found.frames[3]) - upright).mean() < 6


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", None), (".mkv", "ffv1"), (".mp4", "h264"), (".webm", None)]
)
def test_ten_bits_in_are_ten_bits_out(tmp_path, undreamed, suffix, codec):
    ramp = np.linspace(16_000, 17_500, 96).round().astype(np.uint16)  # six steps of 8 bits, twenty-four of 10
    frame = np.broadcast_to(ramp[None, :, None], (64, 96, 3)).copy()
    source = make_clip(
        tmp_path / "in.mp4", [frame] * 4, codec="libx265", pixel_format="yuv420p10le", quality="4"
    )
    save_video(source, tmp_path / f"out{suffix}", codec=codec, quality=100, **undreamed)
    assert "10" in facts(tmp_path / f"out{suffix}").pixel_format
    levels = next(clip_of(tmp_path / f"out{suffix}").shots()).levels
    assert levels.dtype == np.uint16
    assert len(np.unique(levels[32, :, 1])) > 12


@pytest.mark.parametrize("colors", [(1, 1, 1, 1), (9, 1, 9, 16), (1, 2, 1, 1)])
def test_color_tags_are_passed_on_and_colors_stay(tmp_path, undreamed, colors):
    source = make_clip(tmp_path / "in.mp4", moving(3), colors=colors)
    save_video(source, tmp_path / "out.mp4", quality=100, **undreamed)
    before, after = facts(source), facts(tmp_path / "out.mp4")
    assert after.colors == before.colors == colors
    apart = [np.abs(np.float32(a) - b).mean() for a, b in zip(before.frames, after.frames, strict=True)]
    assert max(apart) < 3
    first = next(video(source, **undreamed)).pixels
    assert np.abs(first - moving(3)[0]).mean() < 5


def test_eight_bits_stay_eight(tmp_path, undreamed):
    save_video(make_clip(tmp_path / "in.mp4", moving(3)), tmp_path / "out.webm", **undreamed)
    assert facts(tmp_path / "out.webm").pixel_format == "yuv420p"


def test_a_part_begins_at_nought_and_takes_its_sound_along(tmp_path, undreamed):
    source = make_clip(tmp_path / "in.mp4", moving(75), tone=True)
    save_video(source, tmp_path / "out.mp4", begin="1", end="0:02.2", **undreamed)
    before, after = facts(source), facts(tmp_path / "out.mp4")
    assert after.times == [Fraction(index, 25) for index in range(30)]
    pairs = zip(before.frames[25:55], after.frames, strict=True)
    assert max(np.abs(np.float32(a) - b).mean() for a, b in pairs) < 6
    kept = [each for each in before.packets if each[1][0] + each[1][1] > 1 and each[1][0] < Fraction(22, 10)]
    assert [each[2] for each in after.packets] == [each[2] for each in kept]
    assert after.packets[0][1][0] == kept[0][1][0] - 1


def test_max_size_shrinks_to_even_numbers(tmp_path, undreamed):
    source = make_clip(tmp_path / "in.mp4", moving(3, 90, 160))
    save_video(source, tmp_path / "out.mp4", max_size=101, **undreamed)
    assert facts(tmp_path / "out.mp4").size == (100, 56)


def test_the_iterator_gives_the_same_frames_as_the_decoder(tmp_path, undreamed):
    source = make_clip(tmp_path / "in.mp4", moving(5))
    for index, (frame, shot) in enumerate(
        zip(video(source, **undreamed), clip_of(source).shots(), strict=True)
    ):
        assert frame.index == index
        assert frame.time == shot.pts * clip_of(source).time_base
        assert np.array_equal(frame.levels(), shot.eight())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no file"),
        (b"", "is empty"),
        (b"no video" * 50, "is not a video"),
        ("sound", "no video in it"),
    ],
)
def test_what_is_no_video_is_refused_and_nothing_is_left(tmp_path, undreamed, content, said):
    source = tmp_path / "in.mp4"
    if content == "sound":
        whole = make_clip(tmp_path / "whole.mp4", moving(5), tone=True)
        _sound_only(whole, source)
        whole.unlink()
    elif content is not None:
        source.write_bytes(content)
    with pytest.raises(VideoError, match=said):
        save_video(source, tmp_path / "out.mp4", **undreamed)
    assert [each.name for each in tmp_path.iterdir()] == ([] if content is None else ["in.mp4"])


def test_a_video_that_is_cut_short_gives_the_frames_it_has(tmp_path, undreamed, caplog):
    source = make_clip(tmp_path / "in.mkv", moving(60, 120, 160))
    source.write_bytes(source.read_bytes()[: source.stat().st_size * 2 // 3])
    save_video(source, tmp_path / "out.mp4", **undreamed)
    found = facts(tmp_path / "out.mp4")
    assert 10 < len(found.times) < 60


def _sound_only(source, target):
    import av

    with av.open(str(source)) as file, av.open(str(target), "w") as out:
        stream = out.add_stream_from_template(file.streams.audio[0])
        for packet in file.demux(file.streams.audio[0]):
            if packet.size:
                packet.stream = stream
                out.mux(packet)


PATCHES = np.uint8(
    [
        [[250, 20, 20], [20, 250, 20], [20, 20, 250], [250, 250, 30]],
        [[200, 100, 50], [0, 0, 0], [255, 255, 255], [128, 128, 128]],
    ]
)


@pytest.mark.parametrize(
    ("codec", "pixel_format", "name", "out"),
    [
        ("libx264rgb", "rgb24", "in.mkv", "out.mp4"),
        ("qtrle", "rgb24", "in.mov", "out.mkv"),
        ("png", "rgb24", "in.mov", "out.webm"),
    ],
)
def test_rgb_becomes_yuv_that_says_its_matrix_and_its_range(
    tmp_path, undreamed, codec, pixel_format, name, out
):
    frame = PATCHES.repeat(24, 0).repeat(16, 1)
    source = make_clip(tmp_path / name, [frame] * 3, codec=codec, pixel_format=pixel_format)
    save_video(source, tmp_path / out, quality=95, **undreamed)
    found = facts(tmp_path / out)
    assert found.colors[:2] == (6, 1)  # as players take so few lines, and not RGB, which it no longer is
    assert np.abs(np.float32(found.frames[0][12::24, 8::16]) - PATCHES).max() <= 4


@pytest.mark.parametrize(
    ("colors", "pixel_format", "codec", "name"),
    [
        ((1, 2, 1, 1), "yuv420p", "libx264", "in.mp4"),
        ((6, 2, 6, 6), "yuvj420p", "mjpeg", "in.mov"),
        ((1, 2, 1, 1), "yuv420p", "libvpx-vp9", "in.webm"),
        ((9, 1, 9, 16), "yuv420p10le", "libx265", "in.mkv"),
    ],
)
def test_range_and_primaries_are_kept_and_levels_with_them(
    tmp_path, undreamed, colors, pixel_format, codec, name
):
    frame = PATCHES.repeat(24, 0).repeat(16, 1)
    source = make_clip(
        tmp_path / name, [frame] * 3, codec=codec, pixel_format=pixel_format, colors=colors, quality="5"
    )
    for suffix in (".mp4", ".webm"):
        save_video(source, tmp_path / f"out{suffix}", quality=95, **undreamed)
        before, after = (next(clip_of(each).shots()).eight() for each in (source, tmp_path / f"out{suffix}"))
        assert facts(tmp_path / f"out{suffix}").colors[1:] == facts(source).colors[1:]
        assert np.abs(np.float32(before) - after)[12::24, 8::16].max() <= 5
        assert np.abs(np.float32(before)[12::24, 8::16] - PATCHES).max() <= 6


def test_wide_colors_in_files_that_do_not_say_so_are_said(tmp_path, undreamed, caplog):
    source = make_clip(
        tmp_path / "in.mp4", moving(2), pixel_format="yuv420p10le", codec="libx265", colors=(9, 1, 9, 16)
    )
    save_video(source, tmp_path / "out.gif", **undreamed)
    assert "the colors of in.mp4 are wider than those of screens, and out.gif does not say so" in caplog.text


@pytest.mark.parametrize(
    ("matrix", "seen"),
    [
        ((1, 0, 0, 1), lambda levels: levels),
        ((-1, 0, 0, 1), lambda levels: levels[:, ::-1]),
        ((1, 0, 0, -1), lambda levels: levels[::-1]),
        ((-1, 0, 0, -1), lambda levels: levels[::-1, ::-1]),
        ((0, 1, 1, 0), lambda levels: levels.transpose(1, 0, 2)),
        ((0, 1, -1, 0), lambda levels: levels.transpose(1, 0, 2)[:, ::-1]),
        ((0, -1, -1, 0), lambda levels: levels.transpose(1, 0, 2)[::-1, ::-1]),
    ],
)
def test_a_mirrored_video_is_shown_as_its_matrix_says(tmp_path, matrix, seen):
    """In an MP4 x' = a x + c y and y' = b x + d y, with a, b, c and d in this order."""
    path = make_clip(tmp_path / "in.mp4", moving(2, 32, 64))
    plain = facts(path).frames[0]
    numbers = {each: struct.pack(">i", each << 16) for each in (-1, 0, 1)}
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    assert data[at : at + 4] == numbers[1]
    a, b, c, d = (numbers[each] for each in matrix)
    data[at : at + 20] = a + b + bytes(4) + c + d
    path.write_bytes(data)
    shot = next(clip_of(path).shots())
    assert np.abs(np.float32(shot.levels) - seen(plain)).mean() < 4
