"""Transparency of films: kept where the file holds it, and said where not."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from batcountry.motion import save_video
from batcountry.motion.io import decode
from batcountry.motion.io.sources import clip_of


@pytest.fixture
def undreamed(two_channels):
    return {"model": two_channels, "opacity": 0, "coherence": 0}


@pytest.fixture
def opacities():
    """Of ten frames, 48×64: a clear disc that moves over 255, and a band of 100."""
    y, x = np.mgrid[:48, :64]
    found = []
    for index in range(10):
        alpha = np.full((48, 64), 255, np.uint8)
        alpha[(x - 8 - 5 * index) ** 2 + (y - 16) ** 2 < 80] = 0
        alpha[36:] = 100
        found.append(alpha)
    return found


@pytest.fixture
def clear(tmp_path, opacities):
    """A VP9 with transparency, made by FFmpeg alone."""
    path = tmp_path / "clear.webm"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libvpx-vp9", rate=25, options={"crf": "10", "b": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuva420p"
        stream.metadata["alpha_mode"] = "1"
        for index, alpha in enumerate(opacities):
            levels = np.dstack([np.full((48, 64, 3), (200, 120, 40 + 9 * index), np.uint8), alpha])
            frame = av.VideoFrame.from_ndarray(levels, format="rgba").reformat(format="yuva420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def opacities_in(path):
    """Each frame's opacity, by libvpx alone."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert {key.lower(): value for key, value in stream.metadata.items()}["alpha_mode"] == "1"
        decoder = av.CodecContext.create("libvpx-vp9", "r")
        packets = [each if each.size else None for each in file.demux(stream)]
        return [frame.to_ndarray(format="rgba")[..., 3] for each in packets for frame in decoder.decode(each)]


@pytest.mark.parametrize("name", ["out.webm", "out.mkv"])
def test_vp9_keeps_its_opacity(clear, opacities, tmp_path, undreamed, name):
    assert clip_of(clear).alpha
    save_video(clear, tmp_path / name, quality=90, **undreamed)
    found = opacities_in(tmp_path / name)
    assert len(found) == 10
    for one, other in zip(opacities, found, strict=True):
        assert np.abs(np.float32(one) - other).mean() < 5
        assert ((one < 128) == (other < 128)).mean() > 0.97


def test_ffv1_keeps_it_to_a_level(clear, tmp_path, undreamed):
    before = [each.alpha for each in clip_of(clear).shots()]
    save_video(clear, tmp_path / "out.mkv", codec="ffv1", **undreamed)
    after = [each.alpha for each in clip_of(tmp_path / "out.mkv").shots()]
    assert np.abs(np.float32(before) - np.float32(after)).max() <= 1


def test_a_file_that_holds_none_is_said_and_has_none(clear, tmp_path, undreamed, caplog):
    save_video(clear, tmp_path / "out.mp4", **undreamed)
    assert "out.mp4 holds no transparency, which is left out" in caplog.text
    assert not clip_of(tmp_path / "out.mp4").alpha


def test_without_its_decoder_that_is_said(clear, monkeypatch, caplog):
    real = decode.ffmpeg()
    codecs = real.codecs_available - {"libvpx-vp9"}
    stand_in = type("FFmpeg", (), {**vars(real), "codecs_available": codecs})
    monkeypatch.setattr(decode, "ffmpeg", lambda: stand_in)
    assert not clip_of(clear).alpha
    assert "the transparency of" in caplog.text
    assert "is left out: this FFmpeg has no libvpx-vp9" in caplog.text
