"""What a dream begins with when no picture is given: a sky, noise, or gray.

Functions that make a start raise `RecipeError` for a number out of its range.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batcountry.errors import RecipeError
from batcountry.image.picture import Picture
from batcountry.image.reading import picture_of_levels
from batcountry.recipe import Recipe
from batcountry.recipe.expressions import Calls
from batcountry.recipe.registry import Registry
from batcountry.recipe.units import parsed_size

Start = Callable[[int, int, int], NDArray[Any]]
"""Makes a picture, (H, W, 3), RGB in gray levels, of a height, a width, and a seed; the same for the same three."""

GRAY = 117.0
"""Mean gray level of ImageNet's pictures, which noise is around."""


def sky() -> Start:
    """Begin with a sky of clouds (`batcountry.image.sky`)."""

    def make(height: int, width: int, seed: int) -> NDArray[Any]:
        from batcountry.image.sky import sky as clouds

        return clouds(width, height, seed)

    return make


def noise(scale: float = 1.0, blur: float = 0.0) -> Start:
    """Begin with noise around gray, as cnn-vis does.

    Parameters
    ----------
    scale
        Standard deviation of the noise before it is blurred, in gray levels.
    blur
        Standard deviation of the Gaussian it is blurred with, in pixels.
    """
    if not 0 <= scale <= 255 or not 0 <= blur <= 1000:
        raise RecipeError("noise has a scale of 0 to 255 gray levels and a blur of 0 to 1000 pixels")

    def make(height: int, width: int, seed: int) -> NDArray[Any]:
        from scipy import ndimage

        levels = np.random.RandomState(seed).normal(GRAY, scale, (height, width, 3))
        blurred = ndimage.gaussian_filter(levels, (blur, blur, 0)) if blur else levels
        return np.clip(blurred, 0, 255).astype(np.float32)

    return make


def pink(contrast: float = 1.0) -> Start:
    """Begin with noise that has the spectrum and the colors of photographs, but shows nothing (`batcountry.image.statistics`).

    Parameters
    ----------
    contrast
        As a multiple of a photograph's, 0 to 4.
    """
    if not 0 <= contrast <= 4:
        raise RecipeError("pink has a contrast of 0 to 4 times a photograph's")

    def make(height: int, width: int, seed: int) -> NDArray[Any]:
        import torch

        from batcountry.image.statistics import natural_noise

        white = torch.from_numpy(np.random.RandomState(seed).normal(size=(1, 3, height, width)))
        image = natural_noise(white, contrast)[0].permute(1, 2, 0)
        return np.ascontiguousarray(image.numpy(), dtype=np.float32)

    return make


def gray(level: float = GRAY) -> Start:
    """Begin with an even gray of a level of 0 to 255."""
    if not 0 <= level <= 255:
        raise RecipeError("gray has a level of 0 to 255")
    return lambda height, width, _: np.full((height, width, 3), level, np.float32)


INITIAL_IMAGES: Registry[Callable[..., Start]] = Registry(
    "start", "batcountry.initial_images", {"sky": sky, "noise": noise, "pink": pink, "gray": gray}
)
"""Starts by name, as the text form has them; `register` your own function to extend it."""

_calls = Calls("start", INITIAL_IMAGES)


def parse(text: str) -> Start:
    """Read a start from text such as `sky` or `noise(10, blur=1)`.

    Raises
    ------
    RecipeError
        If the text is something else; the message points at the character.
    """
    text = text.strip()
    value = _calls.parse(f"{text}()" if text.isidentifier() else text)
    if not callable(value):
        raise _calls.wrong(text, 0, "a start is one call")
    start: Start = value
    return start


def start_picture(recipe: Recipe) -> Picture:
    """Return the picture that a recipe begins with if none is given; raises `RecipeError` if there is no such start."""
    height, width = parsed_size(recipe.canvas)
    return picture_of_levels(parse(recipe.start)(height, width, recipe.seed))
