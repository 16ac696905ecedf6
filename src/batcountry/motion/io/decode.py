"""Reading a video frame by frame: upright, with its exact times, at 8 bits or more."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from batcountry.errors import VideoError
from batcountry.image.files import MAX_PIXELS
from batcountry.motion.io.clip import FULL, UNSPECIFIED, Clip, Colors, Shot, eight_bits, frame_size
from batcountry.motion.io.clock import OneClock
from batcountry.motion.io.deinterlace import deinterlaced
from batcountry.motion.io.ffmpeg import ffmpeg, open_media, said

log = logging.getLogger("batcountry")

_MOST_RATE = 1000
_CLOCKS = ("mpegts", "mpeg")  # containers whose times count from when a broadcast's clock was started


class Film(Clip):
    """A video file, decoded by FFmpeg."""

    def shots(self) -> Iterator[Shot]:
        """Yield the frames in order of time. Damaged packets are left out with a warning."""
        held: tuple[int, Any] | None = None
        last = -1
        step = max(1, round(1 / self.rate / self.time_base))
        clock = OneClock(self.time_base)
        with open_media(self.path) as container:
            stream = _video(container, self.path)
            for frame in deinterlaced(_decoded(container, stream, self.path), stream, self.path):
                before = held[0] if held is not None else -step
                # A bare stream has no times.
                pts = clock.time_of(frame.pts if frame.pts is not None else before + step, step)
                if held is not None:
                    yield _shot(self, last, held[0], pts - held[0], held[1])
                held, last = (pts, frame), last + 1
        if held is not None:
            yield _shot(self, last, held[0], held[1].duration or step, held[1])

    def starts(self) -> Iterator[Fraction]:
        """See `Clip`."""
        with open_media(self.path) as container:
            for packet in container.demux(_video(container, self.path)):
                if packet.pts is not None:
                    yield packet.pts * packet.time_base


def film_of(path: Path, longest: int | None = None) -> Film:
    """Look at a video file.

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
        width, height = first.width, first.height
        check_frame((width, height), path)
        aspect = stream.sample_aspect_ratio or Fraction(1)
        if _turns(first, path) % 2:
            width, height, aspect = height, width, 1 / aspect
        rate = _rate(stream)
        return Film(
            path=path,
            size=frame_size((width, height), longest),
            time_base=stream.time_base,
            rate=rate,
            frames=stream.frames or _estimate(container, stream, rate),
            deep=max(each.bits for each in first.format.components) > 8,
            colors=_colors(stream.codec_context, first),
            aspect=aspect,
            start=(first.pts or 0) * stream.time_base,
            origin=Fraction(container.start_time or 0, 1_000_000)
            if container.format.name in _CLOCKS
            else Fraction(0),
            alpha=_has_alpha(first),
        )


def _rate(stream: Any) -> Fraction:
    """Return frames a second; of a DV, FFmpeg takes the ticks of its clock for them."""
    rates = [Fraction(each) for each in (stream.average_rate, stream.guessed_rate, stream.base_rate) if each]
    return next((each for each in rates if each <= _MOST_RATE), Fraction(25))


def check_frame(size: tuple[int, int], path: Path) -> None:
    """Raise `VideoError` for frames of more pixels than are opened."""
    if size[0] * size[1] > MAX_PIXELS:
        raise VideoError(
            f"{path} has frames of {size[0]}×{size[1]}; at most {MAX_PIXELS:,} pixels are opened"
        )


def _colors(context: Any, first: Any) -> Colors:
    """Return what the stream says of its colors, or else its first frame; some decoders tag frames alone."""

    def tag(of_stream: int, of_frame: int, unknown: int) -> int:
        return of_frame if of_stream == unknown else of_stream

    colors = Colors(
        tag(context.colorspace, first.colorspace, UNSPECIFIED),
        tag(context.color_range, first.color_range, 0),
        tag(context.color_primaries, first.color_primaries, UNSPECIFIED),
        tag(context.color_trc, first.color_trc, UNSPECIFIED),
    )
    return colors.of_yuv(first.height) if first.format.is_rgb or first.format.has_palette else colors


def _has_alpha(frame: Any) -> bool:
    return any(each.is_alpha for each in frame.format.components)


def _shot(clip: Clip, index: int, pts: int, duration: int, frame: Any) -> Shot:
    av = ffmpeg()
    turns = _turns(frame, clip.path)
    width, height = clip.size if turns % 2 == 0 else clip.size[::-1]
    if frame.colorspace in (UNSPECIFIED, 0) and not frame.format.is_rgb:
        frame.colorspace = clip.colors.meant_matrix(frame.height)
    how = av.video.reformatter.Interpolation
    fine = how.LANCZOS if (width, height) != (frame.width, frame.height) else how.BICUBIC
    kinds = ("rgba", "rgba64le") if clip.alpha else ("rgb24", "rgb48le")
    rgb = frame.reformat(
        width,
        height,
        kinds[clip.deep],
        interpolation=fine | how.ACCURATE_RND | how.FULL_CHR_H_INT | how.FULL_CHR_H_INP,
        dst_color_range=FULL,
    )
    levels = rgb.to_ndarray()
    levels = np.rot90(levels[::-1] if _is_mirrored(frame) else levels, turns)
    alpha = np.ascontiguousarray(eight_bits(levels[..., 3])) if clip.alpha else None
    return Shot(index, pts, duration, np.ascontiguousarray(levels[..., :3]), alpha)


def _turns(frame: Any, path: Path) -> int:
    turns, rest = divmod(frame.rotation, 90)
    if rest:
        raise VideoError(f"{path} is to be turned by {frame.rotation}°; only quarter turns can be shown")
    return int(turns) % 4


def _is_mirrored(frame: Any) -> bool:
    """Whether a frame is to be shown upside down before it is turned, as cameras that look at their holder write it."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False
    (a, b, _), (c, d, _), _ = np.frombuffer(bytes(matrix), np.int32).reshape(3, 3).astype(float)
    return bool(a * d - b * c < 0)


def _decoded(container: Any, stream: Any, path: Path) -> Iterator[Any]:
    av = ffmpeg()
    stream.thread_type = "AUTO"
    with_alpha = _alpha_decoder(stream, path)
    damaged = False
    try:
        for packet in container.demux(stream):
            try:
                yield from (
                    packet.decode()
                    if with_alpha is None
                    else with_alpha.decode(packet if packet.size else None)
                )
            except av.FFmpegError as error:
                if not damaged:
                    log.warning("%s is damaged: %s; what cannot be decoded is left out", path, said(error))
                damaged = True
    except av.FFmpegError as error:
        log.warning("%s cannot be read to its end: %s", path, said(error))


def _alpha_decoder(stream: Any, path: Path) -> Any:
    """Return libvpx's decoder for a VP8 or VP9 with transparency, which FFmpeg's own leaves out; None for any other."""
    av = ffmpeg()
    tags = {name.lower(): value for name, value in stream.metadata.items()}
    decoder = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(stream.codec_context.name)
    if tags.get("alpha_mode") != "1" or decoder is None:
        return None
    if decoder not in av.codecs_available:
        log.warning("the transparency of %s is left out: this FFmpeg has no %s", path, decoder)
        return None
    context = av.CodecContext.create(decoder, "r")
    context.extradata = stream.codec_context.extradata
    return context


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
