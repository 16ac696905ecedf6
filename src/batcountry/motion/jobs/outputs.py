"""Where a film goes: a video, an animated picture, or a folder of frames."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Literal

from batcountry.backend.outputs import Output, check_apart, check_folder_of_ours, check_new
from batcountry.backend.threads import thread_limit
from batcountry.errors import VideoError
from batcountry.motion.dreamed_video import Filming
from batcountry.motion.io.animation import SUFFIXES as ANIMATION_SUFFIXES
from batcountry.motion.io.clip import Clip
from batcountry.motion.io.encode import CODECS, VIDEO_SUFFIXES, Format, codec_for
from batcountry.motion.io.ffmpeg import ffmpeg
from batcountry.motion.io.mux import Sound
from batcountry.motion.jobs.journal import check_no_journal
from batcountry.motion.jobs.picture_sinks import AnimationSink, FolderSink
from batcountry.motion.jobs.sinks import FRAMES, FrameSink, VideoSink
from batcountry.motion.note import MotionNote
from batcountry.motion.recipes import Motion, VideoRecipe, ZoomRecipe

log = logging.getLogger("batcountry")

_USUAL_PRIMARIES = (1, 2, 4, 5, 6, 7)  # BT.709, BT.601 and what is not said, which sRGB is or is close to
_HIGH_RANGE = (16, 18)  # PQ and HLG

Kind = Literal["video", "animation", "folder"]


def kind_of(target: Path) -> Kind:
    """Return what a target's name asks for.

    Raises
    ------
    VideoError
        If the suffix is of nothing that is written.
    """
    suffix = target.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return "video"
    if suffix in ANIMATION_SUFFIXES:
        return "animation"
    if suffix and not target.is_dir():
        known = ", ".join([*VIDEO_SUFFIXES, *ANIMATION_SUFFIXES])
        raise VideoError(
            f"cannot write {target}: end the name in one of {known}, or in none for a folder of frames"
        )
    return "folder"


def check_target(target: Path) -> None:
    """Raise `VideoError` if a film cannot be written there, before the work is done for nothing."""
    kind = kind_of(target)
    if kind == "video":
        ffmpeg()
    if kind != "folder" and target.is_dir():
        raise VideoError(f"cannot write {target}: it is a folder; name a file")
    parent = target.resolve().parent
    if not parent.is_dir():
        raise VideoError(f"cannot write {target}: there is no folder {target.parent}; make it first")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise VideoError(
            f"cannot write {target}: no permission to write in {target.parent}; choose another folder"
        )


def new_output(target: Path, inputs: Iterable[Path | None], *, overwrite: bool) -> Output:
    """Return the output of a film that is to be begun.

    Parameters
    ----------
    inputs
        What the film is made of.
    overwrite
        Whether what is there may be replaced; of folders only those of frames.

    Raises
    ------
    VideoError
        If a film cannot be written there, it is an input, or is there already, finished or not.
    """
    inputs = list(inputs)
    check_no_journal(target)
    check_output(target, inputs)
    check_new(target, overwrite=overwrite)
    return Output(target, overwrite)


def check_output(target: Path, inputs: Iterable[Path | None]) -> None:
    """Raise `BatCountryError` if a film cannot be written there, is an input, or would go among other files than frames."""
    inputs = list(inputs)
    check_target(target)
    check_apart(target, inputs)
    if kind_of(target) == "folder":
        check_folder_of_ours(target, FRAMES, inputs)


def form_of(
    target: Path, recipe: Motion, *, size: tuple[int, int] | None = None, clip: Clip | None = None
) -> Format:
    """Return how a video is to be encoded: a zoom's with frames of `size`, or like a `clip`.

    Raises
    ------
    RecipeError
        If the file cannot hold the codec.
    """
    deep = clip.deep if clip else False
    codec = codec_for(recipe.codec, target, deep=deep, alpha=bool(clip and clip.alpha))
    common = {"codec": codec, "quality": recipe.quality, "threads": thread_limit()}
    if clip is None:
        assert isinstance(recipe, ZoomRecipe)
        return Format(**common, size=size, rate=recipe.rate, time_base=1 / recipe.rate, deep=False)  # type: ignore[arg-type]
    colors = clip.colors
    alpha = clip.alpha and target.suffix.lower() in CODECS[codec].alpha_containers
    return Format(
        **common,  # type: ignore[arg-type]
        size=clip.size,
        rate=clip.rate.limit_denominator(1_000_000),
        time_base=clip.time_base,
        deep=deep and CODECS[codec].formats[1] is not None,
        colors=(colors.matrix, colors.range, colors.primaries, colors.transfer),
        aspect=Fraction(clip.aspect),
        alpha=alpha,
    )


def say_what_is_lost(target: Path, recipe: Motion, clip: Clip) -> None:
    """Say what of a clip its film cannot hold."""
    kind = kind_of(target)
    if clip.alpha and kind == "video" and not form_of(target, recipe, clip=clip).alpha:
        log.warning(
            "%s holds no transparency, which is left out; .webm, .webp, .apng and folders hold it",
            target.name,
        )
    elif clip.alpha and target.suffix.lower() == ".gif" != clip.path.suffix.lower():
        log.warning(
            "in %s pixels are transparent wholly or not at all; .webp, .apng and .webm hold shades of it",
            target.name,
        )
    if kind != "video" and (
        clip.colors.primaries not in _USUAL_PRIMARIES or clip.colors.transfer in _HIGH_RANGE
    ):
        log.warning(
            "the colors of %s are wider than those of screens, and %s does not say so: it will look paler; a video does",
            clip.path.name,
            target.name,
        )


def sink_of(
    folder: Path,
    output: Output,
    recipe: Motion,
    note: MotionNote,
    *,
    size: tuple[int, int] | None = None,
    clip: Clip | None = None,
    offset: Fraction = Fraction(0),
) -> FrameSink:
    """Return the sink for an output, with what is unfinished in `folder`: of a zoom with frames of `size`, or like a `clip`."""
    target = output.path
    kind = kind_of(target)
    frame = clip.size if clip else size or (0, 0)
    time_base = clip.time_base if clip else 1 / recipe.rate  # type: ignore[attr-defined]
    if kind == "folder":
        return FolderSink(target, frame, note.model_dump_json())
    if kind == "animation":
        return AnimationSink(folder, frame, output, time_base, quality=recipe.quality)
    form: Format = form_of(target, recipe, size=size, clip=clip)
    sound = None
    if clip is not None and clip.sound and isinstance(recipe, VideoRecipe):
        start, stop = Filming.bounds(clip, recipe)
        sound = Sound(clip.path, start, stop, -offset)
    return VideoSink(folder, output, form, sound=sound)
