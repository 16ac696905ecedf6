"""What a dream will run: the sizes of its octaves, and how they are worked out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from math import prod

from batcountry.dreams import octaves
from batcountry.dreams.buffers import Buffers
from batcountry.dreams.cuts import Views
from batcountry.dreams.planning import Plan, Planned, plan
from batcountry.dreams.resolve import Resolved
from batcountry.errors import RecipeError
from batcountry.image.periodic import wrapped_axes
from batcountry.models import Model
from batcountry.optim.gradient import Gradient
from batcountry.optim.sliding_windows import check_windows
from batcountry.optim.transforms import Transform, seen_size
from batcountry.recipe import Recipe
from batcountry.recipe.marks import has_mark
from batcountry.recipe.units import MOST_PIXELS, parsed_size, size_of

log = logging.getLogger("batcountry")

_STATED_OCTAVES = 4
"""How many octaves there are if only the first or the last one's size is said."""


def runnable_sizes(
    model: Model, layers: Sequence[str], size: tuple[int, int], count: int | None, scale: float
) -> list[tuple[int, int]]:
    """Return the sizes of up to `count` octaves that the network can run on, smallest first.

    With None their number is chosen by the picture's size, (height, width). Those too small for the network to reach
    `layers` are left out, with a warning if they were asked for.

    Raises
    ------
    RecipeError
        If none is left.
    """
    count_or_usual = count or octaves.usual_count(*size, scale)
    return large_enough(model, layers, octaves.sizes(*size, count_or_usual, scale), chosen=count is None)


def octave_count(model: Model, layers: Sequence[str], recipe: Recipe, size: tuple[int, int]) -> int:
    """Return how many octaves a recipe has on a picture of (height, width), those that its size leads to if it says none."""
    if recipe.octaves is not None:
        return recipe.octaves
    sizes = octave_sizes(recipe, size)
    if recipe.windows == "none":
        return len(large_enough(model, layers, sizes, chosen=True))
    window = model.input_size if recipe.windows == "input" else parsed_size(recipe.windows)
    return len(holding(window or (1, 1), sizes))


def holding(window: tuple[int, int], sizes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return those of some sizes, smallest first, that a window fits into, or the largest; all are (height, width)."""
    return [each for each in sizes if each[0] >= window[0] and each[1] >= window[1]] or sizes[-1:]


def octave_sizes(recipe: Recipe, size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the sizes of a recipe's octaves, smallest first, for a picture of (height, width).

    Raises
    ------
    RecipeError
        If the first octave would be larger than the last, or that too large.
    """
    if recipe.initial_size is None and recipe.final_size is None:
        count = recipe.octaves or octaves.usual_count(*size, recipe.octave_scale)
        return octaves.sizes(*size, count, recipe.octave_scale)
    count = recipe.octaves or _STATED_OCTAVES
    first, last = (size_of(each or "x1", size) for each in (recipe.initial_size, recipe.final_size))
    if count > 1 and (first[0] > last[0] or first[1] > last[1]):
        raise RecipeError(
            f"octaves go from small to large, not from {first[1]}×{first[0]} to {last[1]}×{last[0]} pixels; "
            "give another initial_size or final_size"
        )
    if last[0] * last[1] > MOST_PIXELS:
        raise RecipeError(f"the last octave would be {last[1]}×{last[0]} pixels; give a smaller final_size")
    return octaves.between(first, last, count, linear=recipe.spacing == "linear")


def large_enough(
    model: Model,
    layers: Sequence[str],
    sizes: list[tuple[int, int]],
    transforms: Sequence[Transform] = (),
    *,
    chosen: bool = False,
) -> list[tuple[int, int]]:
    """Return those of some sizes, smallest first, that the network can run on after `transforms`; see `runnable_sizes`.

    Nothing is said of those left out if it was not the caller who asked for them but their number was `chosen`.
    """
    own = model.input_size
    for index, size in enumerate(sizes):
        # Sizes grow, so the first that runs decides for the rest, at the price of one small forward pass; but where it is
        # the network's own, that may be the only one.
        if size == own != sizes[-1] and _runs_on_one_size_only(model, layers, own):
            break
        if _is_enough(model, layers, size, transforms, last=index == len(sizes) - 1):
            if index and not chosen:
                left = ", ".join(f"{w}×{h}" for h, w in sizes[:index])
                log.warning("left out %d octave(s) too small for the network: %s", index, left)
            return sizes[index:]
    height, width = sizes[-1]
    if own is not None and own != (height, width) and _runs_on_one_size_only(model, layers, own):
        raise RecipeError(
            f"{model.name} runs as far as {', '.join(layers)} on pictures of one size only, {own[1]}×{own[0]} pixels and not "
            f"{width}×{height}, "
            'for which there are windows: give --windows input, or windows="input" in batcountry.dream, make the picture that '
            "size, or use an earlier layer"
        )
    one_size = "" if own else ", or of another size than the only one that it takes"
    raise RecipeError(
        f"a picture of {width}×{height} pixels is too small for {model.name} to run as far as "
        f"{', '.join(layers)}{one_size}; use a larger picture (enlarge makes it so), or an earlier layer"
    )


def _runs_on_one_size_only(model: Model, layers: Sequence[str], own: tuple[int, int]) -> bool:
    """Whether the network reaches `layers` on its own size and on no larger one, as one with a dense layer before them."""
    return model.runs_on(own, layers) and not model.runs_on((2 * own[0], 2 * own[1]), layers)


def _is_enough(
    model: Model, layers: Sequence[str], size: tuple[int, int], transforms: Sequence[Transform], *, last: bool
) -> bool:
    """Whether the network reaches `layers` on pictures of a size, after transforms, which say it if the last is too small."""
    try:
        size = seen_size(transforms, size)
    except RecipeError:
        if last:
            raise
        return False
    return model.runs_on(size, layers)


def plan_dream(
    resolved: Resolved,
    whole: Gradient,
    sizes: list[tuple[int, int]],
    buffers: Buffers,
    count: int = 1,
    *,
    redirects: bool = False,
) -> Plan:
    """Return how to work a recipe's dream out; see `batcountry.dreams.planning.plan`."""
    recipe = resolved.recipe
    seen = [seen_size(resolved.transforms, size) for size in sizes]
    return plan(
        resolved.model,
        resolved.objective,
        whole,
        seen,
        recipe.iterations,
        tile=recipe.tile,
        max_memory=recipe.max_memory,
        wrap=wrapped_axes(recipe.wrap),
        buffers=buffers.times(prod(sizes[-1]) / prod(seen[-1])),
        count=count,
        views=Views(recipe.views, recipe.view_batch),
        facts=None if has_mark(recipe.objective) else (str(resolved.objective), count, redirects),
    )


def plan_windows(resolved: Resolved, sizes: list[tuple[int, int]], count: int) -> Planned:
    """Return how a dream through windows on octaves of some sizes is worked out.

    Parameters
    ----------
    count
        Pictures that the objective is for, of which there can be one only.
    """
    recipe, window = resolved.recipe, resolved.window
    assert window is not None
    if count > 1 or resolved.objective.least_pictures > 1:
        raise RecipeError("windows go over one picture; give an objective of one, or leave windows out")
    if recipe.octaves is None:
        sizes = holding(window, sizes)
        recipe = recipe.chosen(octaves=len(sizes))
    if recipe.windows != "input":  # which are as large as they have to be, and go over pictures of every size
        check_windows(sizes, window)
    large_enough(resolved.model, resolved.objective.layers, [window])
    return Planned(sizes, recipe)
