"""Zooms and videos as iterators of frames, which nothing is written of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from typing_extensions import Unpack

from batcountry.backend.policy import OPEN, Policy
from batcountry.dreams.keywords import PictureLike, VideoOptions, ZoomOptions
from batcountry.motion.arguments import asked_of, begun_with, recipe_of
from batcountry.motion.dreamed_video import Filming
from batcountry.motion.endless_zoom import Zoom
from batcountry.motion.flow import Flow
from batcountry.motion.frame import Frame
from batcountry.motion.io.decode import clip_of
from batcountry.motion.recipes import VideoRecipe, ZoomRecipe
from batcountry.recipe import Recipe
from batcountry.recipe.fields import with_fields


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
    motion = recipe_of(ZoomRecipe, recipe, dict(options))
    asked = asked_of(motion, dict(options), policy)
    return policy.timed(Zoom(begun_with(image, motion, policy), motion, asked).frames())


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
        A video file.
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
    motion = recipe_of(VideoRecipe, recipe, dict(options))
    asked = asked_of(motion, dict(options), policy)
    clip = clip_of(policy.check_file(source), motion.max_size)
    return policy.timed(Filming(clip, motion, asked, flow=flow).frames())
