"""Films as jobs: their specs, of what a caller gives, and their notes."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from batcountry.backend.policy import OPEN, Policy
from batcountry.backend.version import __version__
from batcountry.dreams.keywords import PictureLike
from batcountry.image.reading import read_picture
from batcountry.image.sources.addresses import picture_beside
from batcountry.jobs.inputs import PICTURE
from batcountry.jobs.spec import InputFile, JobSpec, OutputPlace, json_of
from batcountry.motion.api import motion_recipe, prepared_dream
from batcountry.motion.flow import Flow
from batcountry.motion.note import MotionNote
from batcountry.motion.recipes import Motion, VideoRecipe, ZoomRecipe
from batcountry.recipe import Recipe

VIDEO = "video"
"""The input of a dreamed video."""

FILM = "film"
"""The output of a film."""

FLOW = "flow"
"""The object that finds movement, if it is the caller's."""


def zoom_spec(
    image: PictureLike | None,
    output: str | Path,
    recipe: Recipe | ZoomRecipe | None = None,
    *,
    named: str | None = None,
    overwrite: bool = False,
    policy: Policy = OPEN,
    options: Mapping[str, Any],
) -> tuple[JobSpec, dict[str, Any]]:
    """Return the job of a zoom, and the objects for it.

    Parameters
    ----------
    image, output, recipe, overwrite, policy, options
        As of `batcountry.motion.save_zoom`.
    named
        What the film says of the picture's name, if it is not that of the file.

    Raises
    ------
    RecipeError
        If an option is unknown or out of its range.
    """
    motion, found = _made_of(ZoomRecipe, recipe, options, policy)
    inputs = {}
    if isinstance(image, str | PathLike):
        image = picture_beside(image, Path(output), policy)
        inputs[PICTURE] = InputFile(path=str(image), name=named)
    elif image is not None:
        found[PICTURE] = read_picture(image, policy=policy)
    return _spec("zoom", motion, inputs, output, overwrite=overwrite), found


def video_spec(
    source: str | Path,
    output: str | Path,
    recipe: Recipe | VideoRecipe | None = None,
    *,
    flow: Flow | None = None,
    named: str | None = None,
    overwrite: bool = False,
    policy: Policy = OPEN,
    options: Mapping[str, Any],
) -> tuple[JobSpec, dict[str, Any]]:
    """Return the job of a dreamed video, and the objects for it; see `zoom_spec` and `batcountry.motion.save_video`."""
    motion, found = _made_of(VideoRecipe, recipe, options, policy)
    if flow is not None:
        found[FLOW] = flow
    inputs = {VIDEO: InputFile(path=str(source), name=named)}
    return _spec("video", motion, inputs, output, overwrite=overwrite), found


def _spec(
    kind: str, motion: Motion, inputs: dict[str, InputFile], output: str | Path, *, overwrite: bool
) -> JobSpec:
    place = OutputPlace(path=str(output), overwrite=overwrite)
    return JobSpec(kind=kind, recipe=json_of(motion), inputs=inputs, outputs={FILM: place})


def _made_of(
    kind: type[Motion], recipe: Any, options: Mapping[str, Any], policy: Policy
) -> tuple[Motion, dict[str, Any]]:
    """Return a film's recipe, and what is asked for with it, which may have more than can be written down."""
    motion = motion_recipe(kind, recipe, dict(options))
    asked = prepared_dream(motion, dict(options), policy)
    return motion.chosen(dream=asked.recipe), {"asked": asked}


def note_for(
    recipe: Motion, weights: str, name: str | None, sha256: str, threads: int | None = None
) -> MotionNote:
    """Return a film's note.

    Parameters
    ----------
    recipe
        With what was chosen for it.
    weights
        The sha256 of the network's weights.
    name, sha256
        Of the picture or video that it is dreamed on, as it was given.
    threads
        How many compute it.
    """
    return MotionNote(
        version=__version__,
        recipe=recipe,  # type: ignore[arg-type]
        input=name,
        input_sha256=sha256,
        weights_sha256=weights,
        threads=threads,
    )
