"""Where a film goes: a video, an animated picture, or a folder of frames."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Literal

import torch

from batcountry.errors import VideoError
from batcountry.motion.animation import SUFFIXES as ANIMATION_SUFFIXES
from batcountry.motion.decode import Clip
from batcountry.motion.encode import CODECS, VIDEO_SUFFIXES, Format, codec_for
from batcountry.motion.media import ffmpeg
from batcountry.motion.recipes import Motion, ZoomRecipe

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
    if kind == "folder" and target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise VideoError(f"{target} is there already; name a new folder for the frames")
    parent = target.resolve().parent
    if not parent.is_dir():
        raise VideoError(f"cannot write {target}: there is no folder {target.parent}; make it first")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise VideoError(
            f"cannot write {target}: no permission to write in {target.parent}; choose another folder"
        )


def check_apart(target: Path, *sources: Path | None) -> None:
    """Raise `VideoError` if a film would be written over what it is made of."""
    for source in sources:
        if source is not None and source.exists() and target.exists() and source.samefile(target):
            raise VideoError(f"{target} is what the film is made of; give the film another name")


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
    codec = codec_for(recipe.codec, target, deep=deep)
    common = {"codec": codec, "quality": recipe.quality, "threads": torch.get_num_threads()}
    if clip is None:
        assert isinstance(recipe, ZoomRecipe)
        return Format(**common, size=size, rate=recipe.rate, time_base=1 / recipe.rate, deep=False)  # type: ignore[arg-type]
    colours = clip.colours
    return Format(
        **common,  # type: ignore[arg-type]
        size=clip.size,
        rate=clip.rate.limit_denominator(1_000_000),
        time_base=clip.time_base,
        deep=deep and CODECS[codec].formats[1] is not None,
        colours=(colours.matrix, colours.range, colours.primaries, colours.transfer),
        aspect=Fraction(clip.aspect),
    )
