"""Films and animated pictures: what they are, their first frames, and their notes."""

from __future__ import annotations

import random
import tempfile
from fractions import Fraction
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np

from batcountry.errors import BatCountryError
from batcountry.motion.io.sources import clip_of
from batcountry.motion.jobs.metadata import note_of
from fuzz.damage import damaged_bytes
from fuzz.target import Target
from fuzz.targets.pictures import _animations

SEEDS = (
    (".mp4", "libx264", "yuv420p"),
    (".mp4", "libx265", "yuv420p10le"),
    (".webm", "libvpx-vp9", "yuva420p"),
    (".mkv", "ffv1", "yuv444p"),
    (".mkv", "libsvtav1", "yuv420p"),
    (".mpg", "mpeg2video", "yuv420p"),
    (".ts", "libx264", "yuv420p"),
    (".mov", "mjpeg", "yuvj420p"),
    (".avi", "mpeg4", "yuv420p"),
)


@cache
def _films() -> list[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        return [(suffix, _film(Path(folder) / f"film{suffix}", *kind)) for suffix, *kind in SEEDS]


def _film(path: Path, codec: str, pixel_format: str) -> bytes:
    import av

    options = {"libx265": {"x265-params": "log-level=none"}}.get(codec, {})
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 64, pixel_format
        stream.metadata["alpha_mode"] = "1" if "a" in pixel_format else "0"
        out.metadata["comment"] = '{"recipe": {"kind": "video"}}'
        for index in range(4):
            levels = np.random.RandomState(index).randint(0, 255, (64, 64, 4)).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(levels, format="rgba").reformat(format=pixel_format)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path.read_bytes()


def _damaged(seeds: list[tuple[str, bytes]], draw: random.Random, folder: Path) -> Path:
    suffix, data = draw.choice(seeds)
    path = folder / f"film{suffix}"
    path.write_bytes(damaged_bytes(data, draw))
    return path


def _watched(path: Path) -> None:
    for read in (note_of, _first_frames):
        try:
            read(path)
        except BatCountryError:
            continue


def _first_frames(path: Path) -> int:
    return sum(shot.levels.size for shot in islice(clip_of(path).shots(), 4))


TARGETS = [
    Target("film", lambda draw, folder: _damaged(_films(), draw, folder), _watched, 0.02),
    Target("film of an animation", lambda draw, folder: _damaged(_animations(), draw, folder), _watched, 0.1),
]
