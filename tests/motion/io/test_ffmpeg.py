"""Media files of anybody: one file, of a container on the list, and a plain one."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import pytest

from batcountry.errors import VideoError
from batcountry.motion.io.ffmpeg import open_media
from batcountry.motion.io.sources import clip_of
from batcountry.motion.jobs.metadata import note_of
from motion.clips import make_clip, moving

LISTS = {
    "concat": "ffconcat version 1.0\nfile there.mp4\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nthere.mp4\n#EXT-X-ENDLIST\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet><Representation><BaseURL>'
    "there.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "imf": '<?xml version="1.0"?><AssetMap><Id>urn:uuid:x</Id></AssetMap>',
}


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("suffix", [".mp4", ".txt"])
def test_a_list_that_leads_to_other_files_is_not_opened(tmp_path, kind, suffix):
    make_clip(tmp_path / "there.mp4", moving(3))
    path = tmp_path / f"list{suffix}"
    path.write_text(LISTS[kind])
    with pytest.raises(VideoError, match=r"list\.\w+ is not a video that can be read"):
        open_media(path)
    with pytest.raises(VideoError):
        clip_of(path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such devices here")
@pytest.mark.parametrize("name", ["/dev/zero", "pipe.mp4", "/proc/self/status"])
def test_what_is_no_plain_file_is_no_film(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.mp4")
    for read in (open_media, clip_of):
        with pytest.raises(VideoError, match=r"no plain file|empty"):
            read(Path(name))


@pytest.mark.parametrize("size", [1, 60, 300])
@pytest.mark.parametrize("suffix", [".gif", ".apng", ".webp", ".mp4", ".webm"])
def test_what_a_damaged_film_says_of_itself_is_a_sentence(tmp_path, suffix, size):
    path = tmp_path / f"film{suffix}"
    if suffix in (".mp4", ".webm"):
        make_clip(path, moving(3), codec="libvpx-vp9" if suffix == ".webm" else "libx264")
    else:
        from PIL import Image

        first, *rest = (Image.fromarray(each) for each in moving(3))
        first.save(path, save_all=True, append_images=rest)
    data = bytearray(path.read_bytes())
    data[6 : 6 + size] = b"\xff" * size
    path.write_bytes(data)
    with pytest.raises(Exception) as error:
        raise AssertionError if note_of(path) is None else note_of(path)
    assert type(error.value) is AssertionError or type(error.value).__module__ == "batcountry.errors"


def test_a_bare_stream_has_the_times_of_its_rate(tmp_path):
    make_clip(tmp_path / "bare.h264", moving(4))
    clip = clip_of(tmp_path / "bare.h264")
    times = [(each.pts * clip.time_base, each.duration * clip.time_base) for each in clip.shots()]
    assert times == [(Fraction(index, 25), Fraction(1, 25)) for index in range(4)]


def test_a_dv_has_the_rate_of_its_frames_and_not_of_its_clock(tmp_path):
    with av.open(str(tmp_path / "tape.dv"), "w") as out:
        stream = out.add_stream("dvvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        for index in range(2):
            frame = av.VideoFrame(720, 576, "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    clip = clip_of(tmp_path / "tape.dv")
    assert clip.rate == 25
    assert clip.frames <= 6  # an estimate
