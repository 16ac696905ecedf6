"""Videos taken apart into numbered pictures, and put together again, for those who edit by hand."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from batcountry.backend.files import replace_file
from batcountry.backend.outputs import Making, Output
from batcountry.errors import RecipeError, VideoError
from batcountry.image.reading import read_picture
from batcountry.image.sources.addresses import local_path
from batcountry.motion.io.clip import Clip, Shot
from batcountry.motion.io.encode import Format, Part, encoded
from batcountry.motion.io.ffmpeg import open_media
from batcountry.motion.io.mux import Sound, write_video
from batcountry.motion.io.picture_frames import FrameFolder, folder_of
from batcountry.motion.io.sources import clip_of
from batcountry.motion.io.times import TIMES, Times, frames_in
from batcountry.motion.jobs.outputs import form_of, kind_of, new_output, say_what_is_lost
from batcountry.motion.jobs.sinks import DIGITS
from batcountry.motion.recipes import VideoRecipe
from batcountry.recipe.units import seconds_of


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
    clip = clip_of(local_path(source), max_size)
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
            read_picture(_levels(shot)).save(path)
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
    for shot in clip.shots():
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
    pictures = frames_in(place)
    times = None if fps is not None else Times.beside(place)
    along = _sound(times, sound)
    film = new_output(target, [*pictures, along and along.source], overwrite=overwrite)
    recipe = VideoRecipe.of({"codec": codec, "quality": quality})
    clip = folder_of(place, fps=fps, even=kind_of(target) == "video")
    if kind_of(target) == "animation":
        return Making(_animated(clip, film, quality), film, clip.frames)
    say_what_is_lost(target, recipe, clip)
    return Making(_joined(clip, film, form_of(target, recipe, clip=clip), sound=along), film, clip.frames)


def _joined(clip: FrameFolder, output: Output, form: Format, *, sound: Sound | None) -> Iterator[Path]:
    parts: list[Part] = []
    shots = clip.shots()
    for begin in range(0, clip.frames, form.part):
        some = clip.files[begin : begin + form.part]
        levels = (_levels(shot) for shot in islice(shots, len(some)))
        parts.append(encoded(levels, clip.stamps[begin : begin + form.part], form))
        yield from some
    write_video(output, lambda: parts, form, sound=sound)


def _levels(shot: Shot) -> NDArray[np.uint8]:
    return shot.eight() if shot.alpha is None else np.dstack([shot.eight(), shot.alpha])


def _animated(clip: FrameFolder, output: Output, quality: int) -> Iterator[Path]:
    from batcountry.motion.io.animation import write_animation

    write_animation(output, list(clip.files), list(clip.stamps), clip.time_base, "", quality=quality)
    yield from clip.files


def _sound(times: Times | None, given: str | Path | None) -> Sound | None:
    if given is not None:
        return Sound(Path(given))
    if times is None or not _has_sound(Path(times.source)):
        return None
    start = times.shift or None
    return Sound(Path(times.source), start, times.stop, -times.shift)


def _has_sound(source: Path) -> bool:
    """Whether a file may have sound: it is there, and no animated picture."""
    try:
        open_media(source).close()
    except VideoError:
        return False
    return True
