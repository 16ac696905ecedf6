"""One step's change of a picture on disk, strip by strip: what `batcountry.optim.ascent.Ascent` does in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from batcountry.dreams.disk.canvas import Levels, Surface, Workable
from batcountry.dreams.preview import Thumbnail
from batcountry.image.periodic import Wrap, wrapped_axes
from batcountry.optim.bands import double, halve, level_count, level_factors
from batcountry.optim.finite import check_size
from batcountry.optim.optimizers import BANDS
from batcountry.optim.param.decorrelated import from_decorrelated, gradient_on_colors, to_decorrelated
from batcountry.recipe import Recipe

NORMALIZATIONS = ("mean", BANDS)
"""What a gradient on disk can be divided by."""


@dataclass(frozen=True)
class StripParam:
    """A parametrization in which each pixel stands for itself, so that it can be worked out strip by strip.

    Attributes
    ----------
    hold
        From a picture, (1, 3, H, W), RGB in gray levels, to its tensor.
    show
        Back; with the recipe, which says whether colors are clipped.
    gradient
        From a picture and the gradient on it to that on the tensor.
    """

    hold: Callable[[Tensor], Tensor]
    show: Callable[[Tensor, Recipe], Tensor]
    gradient: Callable[[Tensor, Tensor], Tensor]


STRIP_PARAMS = {
    "pixels": StripParam(
        lambda image: image,
        lambda tensor, recipe: tensor.clamp(0, 255) if recipe.clip else tensor,
        lambda _, gradient: gradient,
    ),
    "decorrelated": StripParam(
        to_decorrelated, lambda tensor, _: from_decorrelated(tensor), gradient_on_colors
    ),
}
"""Parametrizations that pictures on disk can have, by name."""


def begin_octave(image: Tensor, recipe: Recipe) -> Tensor:
    """Return a strip that an octave begins with, (1, 3, H, W), as its parametrization shows it."""
    if recipe.param == "pixels":
        return image  # which is clipped after a step, not before
    param = STRIP_PARAMS[recipe.param or ""]
    return param.show(param.hold(image), recipe)


def update(
    canvases: Levels, image: Workable, gradient: Workable, result: Surface, recipe: Recipe
) -> Thumbnail:
    """Write the picture one step on, and return it small. The gradient's canvas is written over.

    Parameters
    ----------
    canvases
        Where the gradient's coarser levels go.
    image, gradient, result
        The picture, the score's gradient on it, and where the next picture goes, which may be in its place; all of one size.

    Raises
    ------
    RecipeError
        If the gradient is too large to be normalized.
    """
    param = STRIP_PARAMS[recipe.param or ""]
    for rows in gradient.strips():
        gradient.write(rows, param.gradient(image.read(rows), gradient.read(rows)))
    direction = _by_bands(canvases, gradient, recipe) if recipe.normalize == BANDS else _by_mean(gradient)
    small = Thumbnail(image.size)
    for rows in image.strips():
        moved = param.hold(image.read(rows)).add(direction(rows), alpha=recipe.stride)
        shown = param.show(moved, recipe)
        result.write(rows, shown)
        small.put(rows, shown)
    return small


def _by_mean(gradient: Workable) -> Callable[[range], Tensor]:
    """Return what gives rows of a gradient divided by its mean absolute value."""
    total = sum(float(gradient.read(rows).abs().sum(dtype=torch.float64)) for rows in gradient.strips())
    mean = _finite(total / (3 * gradient.size[0] * gradient.size[1]))
    return lambda rows: gradient.read(rows) * (1 / mean if mean > 0 else 0.0)


def _by_bands(canvases: Levels, gradient: Workable, recipe: Recipe) -> Callable[[range], Tensor]:
    """Return what gives rows of a gradient normalized band by band; see `batcountry.optim.bands.normalize_bands`."""
    wrap = wrapped_axes(recipe.wrap)
    levels = [gradient]
    for index in range(1, level_count(gradient.size)):
        levels.append(_halved(levels[-1], canvases, index))
    factors = level_factors(torch.tensor([[_mean_square(level)] for level in levels]))[:, 0].tolist()
    for rows in levels[-1].strips():
        levels[-1].write(rows, levels[-1].read(rows) * factors[-1])
    for index in range(len(levels) - 2, 0, -1):
        for rows in levels[index].strips():
            levels[index].write(rows, _merged(levels[index], factors[index], levels[index + 1], rows, wrap))
    if len(levels) == 1:
        return gradient.read
    return lambda rows: _merged(gradient, factors[0], levels[1], rows, wrap)


def _halved(level: Workable, canvases: Levels, index: int) -> Workable:
    height, width = level.size
    coarser = canvases.level(index, (-(-height // 2), -(-width // 2))).blank()
    for rows in level.strips(multiple=2):
        coarser.write(range(rows.start // 2, -(-rows.stop // 2)), halve(level.read(rows)))
    return coarser


def _mean_square(level: Workable) -> float:
    total = sum(float(level.read(rows).square().sum(dtype=torch.float64)) for rows in level.strips())
    return _finite(total / (3 * level.size[0] * level.size[1]))


def _finite(size: float) -> float:
    """Return a gradient's size, or raise `RecipeError` if it is no number."""
    check_size(torch.tensor(size))
    return size


def _merged(level: Workable, factor: float, coarser: Workable, rows: range, wrap: Wrap) -> Tensor:
    """Return rows of a level, multiplied, with the coarser one, enlarged, added."""
    first, last = rows.start // 2 - 1, (rows.stop - 1) // 2 + 2  # one row more at either end
    if not wrap[0]:
        first, last = max(0, first), min(coarser.size[0], last)
    size = (2 * (last - first), level.size[1])
    enlarged = double(coarser.read(range(first, last)), size, (False, wrap[1]))
    offset = rows.start - 2 * first
    return enlarged[..., offset : offset + len(rows), :].add(level.read(rows), alpha=factor)
