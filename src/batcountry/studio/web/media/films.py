"""Films made anew from what clients send, within bounds of frames, pixels and seconds. Runs in the decoder's process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from PIL import Image

from batcountry.backend.files import unused_name
from batcountry.errors import VideoError
from batcountry.motion.io.ffmpeg import ffmpeg, open_media, said, writing
from batcountry.studio.web.media.pictures import save_thumbnail
from batcountry.studio.web.media.sounds import Sound

NAME = "the film"

SUFFIXES = (".mp4", ".webm", ".mkv", ".mov", ".m4v")
"""Of films, of those that are here."""

_MOST_PACKETS = 20  # for each frame that is taken: streams and damage that come along
_MOST_RATE, _USUAL_RATE = 120, Fraction(25)

_BEGINNINGS = (
    (4, b"ftyp"),
    (0, b"\x1a\x45\xdf\xa3"),
    (0, b"FLV"),
    (0, b"\x00\x00\x01\xba"),
    (0, b"G@"),
    (0, b"OggS"),
)
_STILLS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")


class TooLong(VideoError):
    """A film has more frames, pixels or seconds than are taken."""


def is_film(begin: bytes) -> bool:
    """Whether a file begins as films do."""
    if begin[4:8] == b"ftyp" and begin[8:12] in _STILLS:
        return False
    if begin[:4] == b"RIFF" and begin[8:12] == b"AVI ":
        return True
    return any(begin[place : place + len(mark)] == mark for place, mark in _BEGINNINGS)


def remade_film(
    source: Path, target: Path, *, max_pixels: int, max_frames: int, max_seconds: float
) -> dict[str, Any]:
    """Write a film anew as H.264 in an MP4, its sound as AAC, and return its suffix, size and count of frames.

    Parameters
    ----------
    max_pixels
        Of one frame.

    Raises
    ------
    VideoError
        If it is none, or is damaged from the beginning on.
    TooLong
        If it has more frames, pixels or seconds; nothing is left of it then.
    """
    path = target.with_name(target.name + ".mp4")
    part = unused_name(target.parent, ".mp4")
    try:
        with open_media(source) as container, open_media(source) as heard:
            if not container.streams.video:
                raise VideoError(f"{NAME} has no pictures in it; send a film")
            stream = container.streams.video[0]
            rate = next(
                (Fraction(each) for each in (stream.average_rate, stream.guessed_rate) if each), _USUAL_RATE
            )
            rate = rate if 0 < rate <= _MOST_RATE else _USUAL_RATE
            if stream.width * stream.height > max_pixels:
                raise _too_large(stream.width, stream.height, max_pixels)
            most = min(max_frames, int(max_seconds * rate) + 1)
            frames = _frames(container, stream, most, max_pixels)
            size, count = _written(frames, part, rate, partial(_sound, heard, stream, most / rate))
        if not count:
            raise VideoError(f"{NAME} has no frame that can be decoded; copy or download it again")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return {"suffix": ".mp4", "width": size[0], "height": size[1], "frames": count}


def _frames(container: Any, stream: Any, most: int, max_pixels: int) -> Iterator[Image.Image]:
    av, count, packets = ffmpeg(), 0, 0
    try:
        for packet in container.demux(stream):
            packets += 1
            if packets > _MOST_PACKETS * most + 1000:
                raise TooLong(f"{NAME} has more in it than its frames; save it anew")
            try:
                frames = packet.decode()
            except (av.FFmpegError, ValueError):
                continue  # a damaged packet
            for frame in frames:
                count += 1
                if count > most:
                    raise TooLong(
                        f"{NAME} has more than {most:,} frames, and this studio takes no more; cut it first"
                    )
                if frame.width * frame.height > max_pixels:
                    raise _too_large(frame.width, frame.height, max_pixels)
                yield _upright(frame)
    except (av.FFmpegError, OSError, ValueError) as error:
        if not count:
            raise VideoError(f"{NAME} cannot be read ({said(error)}); copy or download it again") from None


def _upright(frame: Any) -> Image.Image:
    image: Image.Image = frame.to_image()
    turn = int(getattr(frame, "rotation", 0) or 0) % 360
    return image.rotate(turn, expand=True) if turn in (90, 180, 270) else image


def _sound(heard: Any, shown: Any, seconds: Fraction, output: Any) -> Sound | None:
    """Return the sound that goes along with a stream of pictures; None if there is none."""
    if not heard.streams.audio:
        return None
    begin = shown.start_time * shown.time_base if shown.start_time is not None and shown.time_base else 0
    return Sound(heard, output, float(begin), float(seconds))


def _written(
    frames: Iterator[Image.Image], path: Path, rate: Fraction, sound_for: Callable[[Any], Sound | None]
) -> tuple[tuple[int, int], int]:
    av = ffmpeg()
    first = next(frames, None)
    if first is None:
        return (0, 0), 0
    size, count = (first.width - first.width % 2 or 2, first.height - first.height % 2 or 2), 0
    with writing(path), av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as output:
        stream = output.add_stream("libx264", rate=rate, options={"crf": "16", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        sound = sound_for(output)
        for image in chain([first], frames):
            shown = image if image.size == size else image.resize(size)
            output.mux(stream.encode(av.VideoFrame.from_image(shown)))
            count += 1
            if sound is not None:
                sound.write(float(count / rate))
        output.mux(stream.encode(None))
    return size, count


def _too_large(width: int, height: int, most: int) -> TooLong:
    return TooLong(
        f"{NAME} has frames of {width}×{height}, and this studio takes {most:,} pixels; shrink it first"
    )


def film_thumbnail(source: Path, target: Path, side: int) -> dict[str, Any]:
    """Write a WebP of a film's first frame."""
    with open_media(source) as container:
        frame = next(container.decode(video=0), None)
        if frame is None:
            raise VideoError(f"{NAME} has no frame that can be decoded")
        image = _upright(frame)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return save_thumbnail(image, target)
