"""Reading a video frame by frame: upright, with its exact times, at 8 bits or more."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batcountry.errors import VideoError
from batcountry.image.files import MAX_PIXELS
from batcountry.image.sizes import scaled_size
from batcountry.motion.io.ffmpeg import ffmpeg, open_media, said

log = logging.getLogger("batcountry")

_BT709, _UNSPECIFIED, _BT601 = 1, 2, 6
_LIMITED, _FULL = 1, 2
_CLOCKS = ("mpegts", "mpeg")  # containers whose times count from when a broadcast's clock was started


@dataclass(frozen=True)
class Colors:
    """How a video's numbers stand for colors, in FFmpeg's codes: its tags, which are passed on as they are."""

    matrix: int = _BT709
    range: int = _LIMITED
    primaries: int = _BT709
    transfer: int = _BT709

    def meant_matrix(self, height: int) -> int:
        """Return the matrix, or, if there is no tag, the one that players take for such a height."""
        if self.matrix not in (_UNSPECIFIED, 0):
            return self.matrix
        return _BT709 if height >= 720 else _BT601


@dataclass(frozen=True)
class Clip:
    """What is known of a video before it is read.

    Attributes
    ----------
    size
        (width, height) of the upright frames in pixels, even numbers.
    time_base
        Seconds in one tick of the frames' times.
    rate
        Frames a second, on the average.
    frames
        How many frames it has, or an estimate, or 0 if nobody knows.
    deep
        Whether it has more than 8 bits a color.
    aspect
        Width of a pixel divided by its height.
    start
        When the first frame is shown, in seconds.
    origin
        What is taken off all times, in seconds: where a broadcast's clock stood, else 0.
    """

    path: Path
    size: tuple[int, int]
    time_base: Fraction
    rate: Fraction
    frames: int
    deep: bool
    colors: Colors
    aspect: Fraction
    start: Fraction = Fraction(0)
    origin: Fraction = Fraction(0)


@dataclass(frozen=True)
class Shot:
    """One frame of a video.

    Attributes
    ----------
    index
        Counted from 0 in the whole video.
    pts, duration
        When it is shown and how long, in ticks of the clip's time base.
    levels
        H×W×3, RGB, uint8, or uint16 (all 16 bits used) if the video has more than 8 bits.
    """

    index: int
    pts: int
    duration: int
    levels: NDArray[Any] = field(repr=False)

    def pixels(self) -> NDArray[np.float32]:
        """Return H×W×3 float32 in gray levels 0–255."""
        return self.levels.astype(np.float32) * np.float32(255 / np.iinfo(self.levels.dtype).max)

    def eight(self) -> NDArray[np.uint8]:
        """Return H×W×3 uint8."""
        return self.levels if self.levels.dtype == np.uint8 else (self.levels >> 8).astype(np.uint8)


def clip_of(path: Path, longest: int | None = None) -> Clip:
    """Look at a video.

    Parameters
    ----------
    longest
        Frames are shrunk so that their longer side has at most so many pixels.

    Raises
    ------
    VideoError
        If there is no video in the file, or it is too large.
    """
    with open_media(path) as container:
        stream = _video(container, path)
        first = next(_decoded(container, stream, path), None)
        if first is None:
            raise VideoError(f"{path} has no frame that can be decoded; copy or download it again")
        context = stream.codec_context
        width, height = first.width, first.height
        if width * height > MAX_PIXELS:
            raise VideoError(
                f"{path} has frames of {width}×{height}; at most {MAX_PIXELS:,} pixels are opened"
            )
        aspect = stream.sample_aspect_ratio or Fraction(1)
        if _turns(first, path) % 2:
            width, height, aspect = height, width, 1 / aspect
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        size = (
            scaled_size((width, height), longest)
            if longest and max(width, height) > longest
            else (width, height)
        )
        colors = Colors(context.colorspace, context.color_range, context.color_primaries, context.color_trc)
        return Clip(
            path=path,
            size=(max(2, size[0] // 2 * 2), max(2, size[1] // 2 * 2)),
            time_base=stream.time_base,
            rate=rate,
            frames=stream.frames or _estimate(container, stream, rate),
            deep=max(each.bits for each in first.format.components) > 8,
            colors=colors,
            aspect=aspect,
            start=(first.pts or 0) * stream.time_base,
            origin=Fraction(container.start_time or 0, 1_000_000)
            if container.format.name in _CLOCKS
            else Fraction(0),
        )


def time_from(clip: Clip, moment: Fraction) -> Fraction:
    """Return when the first frame at or after a moment is shown, in seconds; the moment if there is none."""
    with open_media(clip.path) as container:
        stream = _video(container, clip.path)
        times = (each.pts * each.time_base for each in container.demux(stream) if each.pts is not None)
        return min((each for each in times if each >= moment), default=moment)


def shots(clip: Clip) -> Iterator[Shot]:
    """Yield a video's frames in order of time. Damaged packets are left out with a warning."""
    held: tuple[int, Any] | None = None
    last = -1
    step = max(1, round(1 / clip.rate / clip.time_base))
    with open_media(clip.path) as container:
        stream = _video(container, clip.path)
        for frame in _decoded(container, stream, clip.path):
            pts = frame.pts if frame.pts is not None else last + step
            if held is not None:
                pts = max(pts, held[0] + 1)  # time stands still or goes back in damaged files only
                yield _shot(clip, last, held[0], pts - held[0], held[1])
            held, last = (pts, frame), last + 1
    if held is not None:
        yield _shot(clip, last, held[0], held[1].duration or step, held[1])


def _shot(clip: Clip, index: int, pts: int, duration: int, frame: Any) -> Shot:
    av = ffmpeg()
    turns = _turns(frame, clip.path)
    width, height = clip.size if turns % 2 == 0 else clip.size[::-1]
    if frame.colorspace in (_UNSPECIFIED, 0) and not frame.format.is_rgb:
        frame.colorspace = clip.colors.meant_matrix(frame.height)
    how = av.video.reformatter.Interpolation
    fine = how.LANCZOS if (width, height) != (frame.width, frame.height) else how.BICUBIC
    rgb = frame.reformat(
        width,
        height,
        "rgb48le" if clip.deep else "rgb24",
        interpolation=fine | how.ACCURATE_RND | how.FULL_CHR_H_INT | how.FULL_CHR_H_INP,
        dst_color_range=_FULL,
    )
    return Shot(index, pts, duration, np.ascontiguousarray(np.rot90(rgb.to_ndarray(), turns)))


def _turns(frame: Any, path: Path) -> int:
    turns, rest = divmod(frame.rotation, 90)
    if rest:
        raise VideoError(f"{path} is to be turned by {frame.rotation}°; only quarter turns can be shown")
    return int(turns) % 4


def _decoded(container: Any, stream: Any, path: Path) -> Iterator[Any]:
    av = ffmpeg()
    stream.thread_type = "AUTO"
    damaged = False
    try:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.FFmpegError as error:
                if not damaged:
                    log.warning("%s is damaged: %s; what cannot be decoded is left out", path, said(error))
                damaged = True
    except av.FFmpegError as error:
        log.warning("%s cannot be read to its end: %s", path, said(error))


def _video(container: Any, path: Path) -> Any:
    found = container.streams.best("video")
    if found is None:
        raise VideoError(f"{path} has no video in it")
    if found.codec_context is None:
        raise VideoError(f"{path} has a video that cannot be decoded here")
    return found


def _estimate(container: Any, stream: Any, rate: Fraction) -> int:
    if stream.duration is not None:
        return round(stream.duration * stream.time_base * rate)
    return round(container.duration * rate / 1_000_000) if container.duration else 0
