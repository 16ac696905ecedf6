"""Animated pictures (GIF, APNG, WebP, AVIF), TIFFs of many pages, and folders of pictures as clips, without FFmpeg."""

from __future__ import annotations

import io
import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from batcountry.backend.policy import OPEN, Policy
from batcountry.backend.reading import open_plain, read_plain
from batcountry.errors import PictureError, VideoError
from batcountry.image.files import MAX_FILE, picture_size
from batcountry.image.reading import read_picture
from batcountry.image.sources import tiff_pages
from batcountry.image.sources.light import is_light, light_pages
from batcountry.image.sources.opening import begin_frame, decoding, open_image
from batcountry.image.sources.upright import upright_rgb, upright_size
from batcountry.motion.io.clip import Clip, Colors, Shot, frame_size
from batcountry.motion.io.decode import check_frame
from batcountry.motion.io.times import Times, frame_rate, frames_in

log = logging.getLogger("batcountry")

_MILLISECONDS = Fraction(1, 1000)
_SHORTEST, _USUAL = 11, 100  # browsers show what is to last less than that, in milliseconds, so long

MAX_DRAWN = 1 << 32
"""Most pixels of all frames of an animated picture together, which are drawn once before the first is dreamed on."""

_FRAME_WORK = 4096  # what a frame costs besides, in pixels

Levels = NDArray[np.uint8]


class _Drawn(NamedTuple):
    """A frame, H×W×4 RGBA, and how long it is shown, in milliseconds."""

    levels: Levels
    duration: int


@dataclass(frozen=True)
class Animation(Clip):
    """An animated picture; each of its frames is drawn whole, over those before it."""

    durations: tuple[int, ...] = field(default=(), repr=False)

    def shots(self) -> Iterator[Shot]:
        """See `Clip`."""
        pts = 0
        for index, (drawn, duration) in enumerate(zip(_drawn(self.path), self.durations, strict=False)):
            yield _shot(index, pts, duration, _sized(drawn.levels, self.size), self.alpha)
            pts += duration

    def starts(self) -> Iterator[Fraction]:
        """See `Clip`."""
        return (pts * _MILLISECONDS for pts in itertools.accumulate(self.durations[:-1], initial=0))


@dataclass(frozen=True)
class FrameFolder(Clip):
    """A folder of pictures of one size."""

    files: tuple[Path, ...] = field(default=(), repr=False)
    stamps: tuple[tuple[int, int], ...] = field(default=(), repr=False)

    def shots(self) -> Iterator[Shot]:
        """See `Clip`."""
        for index, (path, (pts, duration)) in enumerate(zip(self.files, self.stamps, strict=True)):
            picture = read_picture(path, frame=1)
            opaque = np.full(picture.pixels.shape[:2], 255, np.uint8)
            levels = np.dstack([picture.array(), opaque if picture.alpha is None else picture.alpha])
            yield _shot(index, pts, duration, _sized(levels, self.size), self.alpha)

    def starts(self) -> Iterator[Fraction]:
        """See `Clip`."""
        return (pts * self.time_base for pts, _ in self.stamps)


def animation_of(path: Path, longest: int | None = None, *, even: bool = True) -> Animation | None:
    """Look at an animated picture, all of it once, as only that tells its times; None if the file is none.

    Raises
    ------
    VideoError
        If it is a picture that does not move, damaged in its first frame, or too large.
    """
    if not _may_be_animated(path):
        return None
    durations, alpha, size = [], False, (0, 0)
    for drawn in _drawn(path):
        durations.append(drawn.duration)
        alpha = alpha or bool((drawn.levels[..., 3] < 255).any())
        size = size if any(size) else (drawn.levels.shape[1], drawn.levels.shape[0])
    if len(durations) < 2:
        raise still(path)
    return Animation(
        path=path,
        size=frame_size(size, longest, even=even),
        time_base=_MILLISECONDS,
        rate=Fraction(1000 * len(durations), sum(durations)).limit_denominator(1000),
        frames=len(durations),
        deep=False,
        colors=Colors(),
        aspect=Fraction(1),
        alpha=alpha,
        sound=False,
        durations=tuple(durations),
    )


def still(path: Path) -> VideoError:
    """Return what is said of a picture where a film is asked for."""
    return VideoError(
        f"{path} is a picture that does not move; dream on it with `bat-country dream`, or `zoom`"
    )


def folder_of(
    folder: Path,
    longest: int | None = None,
    *,
    fps: str | None = None,
    even: bool = True,
    policy: Policy = OPEN,
) -> FrameFolder:
    """Look at a folder of frames, in the order of the numbers in their names.

    Parameters
    ----------
    fps
        Frames a second; if not given, the times in `times.json`, or 25.

    Raises
    ------
    BatCountryError
        If there are none, one cannot be read, or they are not of one size.
    """
    files = frames_in(folder)
    policy.check_files(files)
    sizes = [_header(file) for file in files]
    (size, _), first = sizes[0], files[0]
    for file, (other, _) in zip(files, sizes, strict=True):
        if other != size:
            raise PictureError(
                f"{file} is {other[0]}×{other[1]}, and {first.name} is {size[0]}×{size[1]}; "
                "all pictures of a film must be of one size"
            )
    check_frame(size, first)
    times = None if fps is not None else Times.beside(folder)
    rate = frame_rate(fps, times)
    stamps = [(index, 1) for index in range(len(files))] if times is None else times.stamps(files)
    return FrameFolder(
        path=folder,
        size=frame_size(size, longest, even=even),
        time_base=1 / rate if times is None else times.time_base,
        rate=rate,
        frames=len(files),
        deep=False,
        colors=Colors(),
        aspect=Fraction(1),
        start=Fraction(0) if times is None else stamps[0][0] * times.time_base,
        alpha=any(alpha for _, alpha in sizes),
        sound=False,
        files=tuple(files),
        stamps=tuple(stamps),
    )


def _may_be_animated(path: Path) -> bool:
    with open_plain(path, most=MAX_FILE, error=VideoError) as file:
        begin = file.read(16)
        if begin.startswith(tiff_pages.BEGIN):
            return light_pages(file) > 1 and not is_light(file)
    return begin.startswith((b"GIF8", b"\x89PNG\r\n")) or begin[8:12] in (b"WEBP", b"avif", b"avis")


def _drawn(path: Path) -> Iterator[_Drawn]:
    """Yield an animated picture's frames, as far as they can be read."""
    data, name = read_plain(path, most=MAX_FILE, error=VideoError), str(path)
    with decoding(name):
        image = open_image(io.BytesIO(data), name)
        check_frame(image.size, path)
        is_animated = bool(getattr(image, "is_animated", False))
        begin = int(is_animated and bool(image.info.get("default_image")))
    work, size = 0, image.size
    for index in itertools.count(begin):
        if index > begin and not is_animated:
            return
        try:
            with decoding(name):
                drawn = _frame(image, index, path, size)
        except PictureError as error:
            if index == begin:
                raise VideoError(str(error)) from None
            log.warning("%s cannot be read to its end: %s", path, error)
            return
        if drawn is None:
            return
        work += size[0] * size[1] + _FRAME_WORK
        if work > MAX_DRAWN:
            raise VideoError(
                f"{path} has too many frames for an animated picture; make it a video, such as .mp4, first"
            )
        yield drawn


def _frame(image: Image.Image, index: int, path: Path, size: tuple[int, int]) -> _Drawn | None:
    """Return a frame, of the (width, height) of the first; None after the last one."""
    begin_frame(image)
    try:
        image.seek(index)
    except EOFError:
        return None
    check_frame(image.size, path)
    image.load()
    whole = _shown(image, str(path))
    levels = np.asarray(whole if whole.size == size else whole.crop((0, 0, *size)))
    duration = round(float(image.info.get("duration") or 0))
    return _Drawn(levels, duration if duration >= _SHORTEST else _USUAL)


def _shown(image: Image.Image, name: str) -> Image.Image:
    """Return a decoded frame as RGBA."""
    if image.format != "TIFF" and image.mode != "I;16":
        return image.convert("RGBA")
    rgb, alpha, _ = upright_rgb(image, name)
    whole = rgb.convert("RGBA")
    if alpha is not None:
        whole.putalpha(alpha)
    return whole


def _header(path: Path) -> tuple[tuple[int, int], bool]:
    """Return a picture's upright (width, height), and whether it may have transparency, without decoding it."""
    with open_plain(path, most=MAX_FILE, error=PictureError) as file, decoding(str(path)):
        if is_light(file):
            return picture_size(path), False
        with open_image(file, str(path)) as image:
            image.getexif()  # of a PNG to its end, where it may stand
            size = upright_size(image)
            alpha = image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info
            return size, alpha


def _sized(levels: Levels, size: tuple[int, int]) -> Levels:
    """Return a frame of a (width, height): without its last row or column, or shrunk."""
    width, height = size
    if 0 <= levels.shape[0] - height < 2 and 0 <= levels.shape[1] - width < 2:
        return levels[:height, :width]
    return np.asarray(Image.fromarray(levels).resize(size, Image.Resampling.LANCZOS))


def _shot(index: int, pts: int, duration: int, levels: Levels, alpha: bool) -> Shot:
    opacity = np.ascontiguousarray(levels[..., 3]) if alpha else None
    return Shot(index, pts, duration, np.ascontiguousarray(levels[..., :3]), opacity)
