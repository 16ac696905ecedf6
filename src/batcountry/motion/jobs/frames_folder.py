"""Videos taken apart into numbered pictures, and put together again, for those who edit by hand."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, ValidationError

from batcountry.backend.files import replace_file
from batcountry.backend.folders import pictures_in
from batcountry.backend.outputs import Making, Output
from batcountry.backend.reading import read_plain
from batcountry.backend.threads import thread_limit
from batcountry.errors import PictureError, RecipeError, VideoError
from batcountry.image.reading import read_picture
from batcountry.motion.io.decode import Clip, Shot, clip_of, shots
from batcountry.motion.io.encode import Format, Part, codec_for, encoded
from batcountry.motion.io.mux import Sound, write_video
from batcountry.motion.jobs.outputs import kind_of, new_output
from batcountry.motion.jobs.sinks import DIGITS
from batcountry.recipe.json_text import read_json
from batcountry.recipe.units import seconds_of

TIMES = "times.json"
"""The file beside the pictures that says when each is shown."""


_MOST_TIMES = 64 << 20


class Times(BaseModel):
    """When each picture of a folder is shown, so that a video put together again has its times and its sound."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    rate: Fraction
    time_base: Fraction
    shift: Fraction
    """Seconds that were taken off all times."""
    stop: Fraction | None
    """Where the source was left, in seconds."""
    frames: dict[str, tuple[int, int]]
    """Each picture's pts and duration, in ticks, by name."""


def make_frames(
    source: str | Path,
    folder: str | Path,
    *,
    every: int = 1,
    start: str | None = None,
    stop: str | None = None,
    max_size: int | None = None,
    overwrite: bool = False,
) -> Making[Path]:
    """Write a video's frames as PNGs of 8 bits, numbered so that they sort, with `times.json`, and yield their paths.

    Parameters
    ----------
    every
        Write each n-th frame only.
    start, stop
        The part to take, as seconds or `1:30`.
    max_size
        Shrink frames so that their longer side has at most so many pixels.
    overwrite
        Whether frames that are in the folder already may be replaced.

    Raises
    ------
    BatCountryError
        If the video cannot be read, or the folder is there already with something in it.
    """
    target = Path(folder)
    if kind_of(target) != "folder":
        raise VideoError(f"{target} names a film; name a folder for the frames")
    if every < 1:
        raise RecipeError(f"every {every}th frame cannot be taken; give 1 or more")
    frames = new_output(target, [Path(source)], overwrite=overwrite)
    begin, end = (None if each is None else seconds_of(each) for each in (start, stop))
    clip = clip_of(Path(source), max_size)
    return Making(_made(clip, frames, every, (begin, end)), frames, _expected(clip, every, (begin, end)))


def _expected(clip: Clip, every: int, bounds: tuple[Fraction | None, Fraction | None]) -> int | None:
    """Return how many frames will be written, as far as the video says."""
    begin, end = bounds
    seconds = clip.frames / clip.rate
    seconds = (seconds if end is None else min(seconds, end)) - (begin or 0)
    return max(1, -(-round(seconds * clip.rate) // every)) if clip.frames else None


def _made(
    clip: Clip, output: Output, every: int, bounds: tuple[Fraction | None, Fraction | None]
) -> Iterator[Path]:
    folder = output.path
    begin, end = (None if each is None else clip.start + each for each in bounds)
    try:
        if output.overwrite and folder.is_dir():
            shutil.rmtree(folder)
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise VideoError(f"cannot make the folder {folder}: {error.strerror}") from None
    times: dict[str, tuple[int, int]] = {}
    first = None
    for taken, shot in enumerate(_between(clip, begin, end)):
        first = shot.pts if first is None else first
        if taken % every == 0:
            path = folder / f"{len(times) + 1:0{DIGITS}d}.png"
            read_picture(shot.eight()).save(path)
            times[path.name] = (shot.pts - first, shot.duration)
            yield path
        else:  # the picture before stays until the next one
            name = f"{len(times):0{DIGITS}d}.png"
            times[name] = (times[name][0], shot.pts + shot.duration - first - times[name][0])
    if not times:
        raise VideoError(f"{clip.path} has no frame between {bounds[0] or 0:g} s and its end or --to")
    shift = (first or 0) * clip.time_base if begin is not None else Fraction(0)
    if begin is None:
        times = {name: (pts + (first or 0), duration) for name, (pts, duration) in times.items()}
    found = Times(
        source=str(clip.path.resolve()),
        rate=(clip.rate / every).limit_denominator(1_000_000),
        time_base=clip.time_base,
        shift=shift,
        stop=end,
        frames=times,
    )
    replace_file(folder / TIMES, found.model_dump_json(indent=1).encode())


def _between(clip: Clip, begin: Fraction | None, end: Fraction | None) -> Iterator[Shot]:
    """Yield the frames that are shown from `begin` on and before `end`, in seconds of the clip's own clock."""
    for shot in shots(clip):
        now = shot.pts * clip.time_base
        if end is not None and now >= end:
            return
        if begin is None or now >= begin:
            yield shot


def join_frames(
    folder: str | Path,
    output: str | Path,
    *,
    fps: str | None = None,
    sound: str | Path | None = None,
    codec: str | None = None,
    quality: int = 80,
    overwrite: bool = False,
) -> Making[Path]:
    """Make a video of a folder's pictures in the order of their numbers, and yield their paths as they are taken.

    Parameters
    ----------
    fps
        Frames a second; if not given, the times that `make_frames` noted, or 25.
    sound
        The file whose sound and subtitles go along; if not given, the video that the frames were made of.
    codec, quality, overwrite
        As of `save_video`.

    Raises
    ------
    BatCountryError
        If there are no pictures, they are of different sizes, or the video cannot be written.
    """
    target, place = Path(output), Path(folder)
    if kind_of(target) == "folder":
        raise VideoError(f"{target} names a folder; end the name in .mp4, .webm, .mkv, .mov, .gif or .apng")
    pictures = sorted(pictures_in(place), key=natural)
    times = None if fps is not None else _times(place)
    along = _sound(times, sound)
    film = new_output(target, [*pictures, along and along.source], overwrite=overwrite)
    stamps = _stamps(pictures, times)
    rate = _rate(fps, times)
    if kind_of(target) == "animation":
        return Making(_animated(pictures, film, rate), film, len(pictures))
    with Image.open(pictures[0]) as first:
        width, height = first.size
    form = Format(
        codec=codec_for(codec, target, deep=False),
        quality=quality,
        threads=thread_limit(),
        size=(max(2, width // 2 * 2), max(2, height // 2 * 2)),
        rate=rate,
        time_base=times.time_base if times else 1 / rate,
        deep=False,
    )
    return Making(_joined(pictures, stamps, film, form, sound=along), film, len(pictures))


def _joined(
    pictures: list[Path], stamps: list[tuple[int, int]], output: Output, form: Format, *, sound: Sound | None
) -> Iterator[Path]:
    parts: list[Part] = []
    for begin in range(0, len(pictures), form.part):
        some = pictures[begin : begin + form.part]
        levels = [_levels(path, form.size, pictures[0]) for path in some]
        parts.append(encoded(levels, stamps[begin : begin + form.part], form))
        yield from some
    write_video(output, lambda: parts, form, sound=sound)


def _animated(pictures: list[Path], output: Output, rate: Fraction) -> Iterator[Path]:
    from batcountry.motion.io.animation import write_animation

    write_animation(output, pictures, float(rate), "")
    yield from pictures


def natural(path: Path) -> list[Any]:
    """Return what sorts names with numbers in them as people do: 9 before 10."""
    return [int(each) if each.isdigit() else each.lower() for each in re.split(r"(\d+)", path.name)]


def _levels(path: Path, size: tuple[int, int], first: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
    picture = read_picture(path)
    width, height = size
    if (picture.size[0] // 2 * 2, picture.size[1] // 2 * 2) != size:
        raise PictureError(
            f"{path} is {picture.size[0]}×{picture.size[1]}, and {first.name} is another size; "
            "all pictures of a film must be of one size"
        )
    return np.ascontiguousarray(picture.array()[:height, :width])


def _times(folder: Path) -> Times | None:
    path = folder / TIMES
    if not path.exists():
        return None
    try:
        data = read_plain(path, most=_MOST_TIMES, error=VideoError)
        return Times.model_validate(read_json(data, _MOST_TIMES))
    except (ValueError, ArithmeticError, ValidationError):
        raise VideoError(f"{path} is damaged; delete it and give --fps") from None


def _stamps(pictures: list[Path], times: Times | None) -> list[tuple[int, int]]:
    if times is None:
        return [(index, 1) for index in range(len(pictures))]
    missing = next(
        (each.name for each in pictures if each.with_suffix(".png").name not in times.frames), None
    )
    if missing:
        raise VideoError(f"{TIMES} does not say when {missing} is shown; give --fps")
    return [times.frames[each.with_suffix(".png").name] for each in pictures]


def _rate(fps: str | None, times: Times | None) -> Fraction:
    if fps is None:
        return times.rate if times else Fraction(25)
    try:
        rate = Fraction(fps)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0.1 <= rate <= 1000:
        raise RecipeError(f"{fps!r} is no number of frames a second; give 0.1 to 1000, or 30000/1001")
    return rate


def _sound(times: Times | None, given: str | Path | None) -> Sound | None:
    if given is not None:
        return Sound(Path(given))
    if times is None or not Path(times.source).is_file():
        return None
    start = times.shift or None
    return Sound(Path(times.source), start, times.stop, -times.shift)
