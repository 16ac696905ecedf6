"""Zooms and videos as iterators of frames, which nothing is written of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typing_extensions import Unpack

from batcountry.backend.memory_room import allowed_memory
from batcountry.backend.policy import OPEN, Policy
from batcountry.dreams.keywords import PictureLike, VideoOptions, ZoomOptions
from batcountry.dreams.prepare import Prepared, prepare
from batcountry.errors import RecipeError
from batcountry.image.picture import Picture
from batcountry.image.reading import read_picture
from batcountry.image.sources.addresses import local_path
from batcountry.image.sources.reduced import needed_at
from batcountry.motion.dreamed_video import Filming
from batcountry.motion.endless_zoom import Zoom
from batcountry.motion.flow import Flow
from batcountry.motion.frame import Frame
from batcountry.motion.io.sources import clip_of
from batcountry.motion.keyframes import LEFT_OUT
from batcountry.motion.recipes import Motion, VideoRecipe, ZoomRecipe
from batcountry.recipe import Recipe, presets
from batcountry.recipe.described import with_fields


@with_fields(ZoomRecipe)
def zoom(
    image: PictureLike | None = None,
    recipe: Recipe | ZoomRecipe | None = None,
    *,
    policy: Policy = OPEN,
    **options: Unpack[ZoomOptions],
) -> Iterator[Frame]:
    """Zoom into a picture, dreaming on the way, and yield the frames.

    Parameters
    ----------
    image
        What `batcountry.dream` takes; with None, the sky.
    recipe, options
        A `ZoomRecipe`, or a `Recipe` for its dreams, and fields of both by name. Curves are numbers, texts, or
        mappings from frames to numbers; `keys` maps fields of `Recipe` to curves.
    policy
        What the recipe may do, as for `batcountry.dream`.

    Raises
    ------
    BatCountryError
        If something given cannot be used, at the call.

    Examples
    --------
    >>> from batcountry import motion
    >>> frames = motion.zoom(size=64, octaves=1, iterations=1, frames=2, zoom={0: 1.02, 100: 1.1})
    >>> [frame.pixels.shape for frame in frames]
    [(36, 64, 3), (36, 64, 3)]
    """
    motion = motion_recipe(ZoomRecipe, recipe, dict(options))
    asked = prepared_dream(motion, dict(options), policy)
    return policy.timed(Zoom(initial_picture(image, motion, policy), motion, asked).frames())


@with_fields(VideoRecipe)
def video(
    source: str | Path,
    recipe: Recipe | VideoRecipe | None = None,
    *,
    flow: Flow | None = None,
    policy: Policy = OPEN,
    **options: Unpack[VideoOptions],
) -> Iterator[Frame]:
    """Dream on a video and yield the frames.

    Parameters
    ----------
    source
        A video file, an animated picture (GIF, APNG, WebP, AVIF), or a folder of frames.
    recipe, options
        A `VideoRecipe`, or a `Recipe` for its dreams, and fields of both by name.
    flow
        Finds how things move between two frames, H×W×3 uint8; gives H×W×2 float32, how far to the right and
        down each pixel of the first is found in the second. OpenCV's dense inverse search if not given.
    policy
        What the recipe may do, as for `batcountry.dream`.

    Raises
    ------
    BatCountryError
        If something given cannot be used, at the call.
    """
    motion = motion_recipe(VideoRecipe, recipe, dict(options))
    asked = prepared_dream(motion, dict(options), policy)
    path = policy.check_file(local_path(source))
    clip = clip_of(path, motion.max_size, fps=motion.fps, even=False, policy=policy)
    return policy.timed(Filming(clip, motion, asked, flow=flow).frames())


def prepared_dream(motion: Motion, options: dict[str, Any], policy: Policy = OPEN) -> Prepared:
    """Return what a film's dream is asked for with, checked once: its recipe, and the things among the options."""
    return prepare(motion.dream, given_objects(options), policy)


def motion_recipe(kind: Any, recipe: Recipe | Motion | None, options: dict[str, Any]) -> Any:
    """Return a recipe of a kind from what was given: one, or one for its dreams, and options over it.

    Raises
    ------
    RecipeError
        If an option is unknown or out of its range.
    """
    options = presets.expanded(options, LEFT_OUT)
    plain = {name: value for name, value in options.items() if name not in given_objects(options)}
    if isinstance(recipe, Recipe):
        return kind.of({"dream": recipe, **plain})
    if recipe is not None and not isinstance(recipe, kind):
        raise RecipeError(f"this takes a {kind.__name__}, not a {type(recipe).__name__}")
    return recipe.with_options(**plain) if recipe is not None else kind.of(plain)


def given_objects(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that are things rather than fields of a recipe: a model, an objective, a guide."""
    return {
        name: value
        for name, value in options.items()
        if name in ("model", "objective", "guide", "mask", "transforms", "optimizer", "param")
        and value is not None
        and not isinstance(value, str)
    }


def initial_picture(image: Any, recipe: ZoomRecipe, policy: Policy = OPEN) -> Picture:
    """Return the picture that a zoom begins with: the sky if there is none."""
    if image is None:
        from batcountry.image.sky import sky

        image = sky(seed=recipe.dream.seed)
    with allowed_memory(recipe.dream.max_memory):
        return read_picture(image, policy=policy, need=needed_at(recipe.dream.size))
