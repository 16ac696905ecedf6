"""Interlaced films lose their comb, and keep their times."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from batcountry.motion import save_video
from batcountry.motion.io.sources import clip_of
from motion.clips import facts, make_clip, moving


def at_moment(moment):
    """A bright bar that has come so many steps to the right."""
    frame = np.full((64, 96, 3), 60, np.uint8)
    frame[:, 10 + 4 * moment : 22 + 4 * moment] = 220
    return frame


@pytest.fixture
def interlaced(tmp_path):
    """An MPEG-2 with two moments in each frame, in turn line by line."""
    path = tmp_path / "broadcast.mpg"
    with av.open(str(path), "w", format="mpeg") as out:
        stream = out.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.options = {"flags": "+ildct+ilme", "qscale": "2"}
        graph = av.filter.Graph()
        source = graph.add_buffer(width=96, height=64, format="yuv420p", time_base=Fraction(1, 25))
        field, sink = graph.add("setfield", "tff"), graph.add("buffersink")
        source.link_to(field)
        field.link_to(sink)
        graph.configure()
        for index in range(8):
            levels = at_moment(2 * index)
            levels[1::2] = at_moment(2 * index + 1)[1::2]
            frame = av.VideoFrame.from_ndarray(levels, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            graph.push(frame)
            out.mux(stream.encode(graph.pull()))
        out.mux(stream.encode(None))
    return path


def comb(levels):
    """How much neighboring lines differ."""
    gray = levels.astype(np.float32).mean(-1)
    return float(np.abs(np.diff(gray, axis=0)).mean())


def test_the_comb_is_gone_and_that_is_said(interlaced, tmp_path, two_channels, caplog):
    before = facts(interlaced)
    assert min(comb(each) for each in before.frames) > 5
    save_video(interlaced, tmp_path / "out.mp4", model=two_channels, opacity=0, coherence=0)
    after = facts(tmp_path / "out.mp4")
    assert max(comb(each) for each in after.frames) < 1.5
    assert [b - a for a, b in zip(after.times, after.times[1:], strict=False)] == [Fraction(1, 25)] * 7
    assert len(after.frames) == 8
    assert caplog.text.count("broadcast.mpg is interlaced, and is deinterlaced before it is dreamed on") == 1


def test_what_is_shown_is_the_moment_of_the_first_lines(interlaced):
    for index, shot in enumerate(clip_of(interlaced).shots()):
        there = shot.levels[32].mean(-1) > 140
        assert abs(int(np.flatnonzero(there)[0]) - (10 + 8 * index)) <= 2


def test_a_film_that_is_not_interlaced_is_left_alone(tmp_path, caplog):
    path = make_clip(tmp_path / "in.mp4", moving(4))
    for shot, frame in zip(clip_of(path).shots(), facts(path).frames, strict=True):
        assert np.abs(np.float32(shot.levels) - frame).mean() <= 3
    assert not caplog.records


def test_the_last_frame_is_shown_as_long_as_the_others(interlaced):
    assert [each.duration for each in clip_of(interlaced).shots()] == [3600] * 8
