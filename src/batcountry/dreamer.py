"""Dreams: a recipe made ready, and run on pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from batcountry import octaves
from batcountry.ascent import UPDATE
from batcountry.beside import Pictures
from batcountry.data_picture import read_data
from batcountry.dreams import Advance, Step, climb
from batcountry.errors import RecipeError
from batcountry.fields import with_fields
from batcountry.finish import finished
from batcountry.gradient import Gradient, redirecting_gradient, sparing_gradient, whole_gradient
from batcountry.memory import PICTURE_BYTES, Plan, plan
from batcountry.models import Model
from batcountry.objectives import pictures_of
from batcountry.parts import Parts
from batcountry.picture import Picture, read_picture
from batcountry.quantities import MOST_PIXELS, parsed_size, size_of
from batcountry.recipe import Note, Recipe
from batcountry.settling import Settled, settle
from batcountry.starts import start_picture
from batcountry.transforms import Transform, seen_size
from batcountry.veil import VEIL_BYTES, begun, planes_of
from batcountry.version import __version__
from batcountry.windows import WindowedAscent, check_windows, in_batches
from batcountry.wrap import seamless, wrapped_axes

log = logging.getLogger("batcountry")

_STATED_OCTAVES = 4
"""How many octaves there are if only the first or the last one's size is said."""


@with_fields(Recipe)
def dream(image: Any = None, recipe: Recipe | None = None, **options: Any) -> Picture:
    """Dream on a picture and return the result, which `save`s itself with its recipe inside.

    Parameters
    ----------
    image
        A path, a PIL image, an H×W×3 array (uint8, or float 0–255), a torch tensor or a
        `Picture`. With none, what the recipe's `start` says is made on the spot: a sky of clouds.
    recipe
        How to dream.
    options
        Fields of `Recipe` by name, over those of `recipe`. `model` may also be an opened
        `Model`, `guide` any picture, and `objective` an `Objective`.

    Raises
    ------
    BatCountryError
        If the picture, the model, or an option cannot be used; the message is one sentence.

    Examples
    --------
    >>> import batcountry
    >>> batcountry.dream(size=64, octaves=1, iterations=1).size
    (64, 36)
    """
    for step in dreaming(image, recipe, **options):
        if step.last:
            return step.picture()
    raise AssertionError("a dream has at least one step")


def dreaming(image: Any = None, recipe: Recipe | None = None, **options: Any) -> Iterator[Step]:
    """Dream on a picture step by step; takes what `dream` takes.

    The arguments are checked and the model is opened at the call, not at the first step.
    """
    return Dreamer(recipe, **options).dreaming(image)


class Dreamer:
    """A recipe made ready: its model opened, its objective bound. It dreams on any number of pictures.

    Parameters
    ----------
    recipe, options
        As for `dream`.

    Attributes
    ----------
    settled
        Model, objective, and the recipe with what was chosen for it.
    parts
        The terms of the image itself, with what they last came to; None if there are none.

    Raises
    ------
    BatCountryError
        As `dream`.
    """

    def __init__(self, recipe: Recipe | None = None, **options: Any) -> None:
        self.settled = settle(recipe or Recipe(), options)
        model, objective = self.settled.model, self.settled.objective
        self._whole = whole_gradient(model, objective)
        self.parts = Parts(model, objective.of_image) if objective.of_image else None
        more = {} if self.settled.mask is None else {UPDATE: self.settled.mask}
        self._pictures = Pictures(objective, more)
        self._count = pictures_of(objective)
        self._ready: dict[tuple[int, int], tuple[list[tuple[int, int]], Gradient, Recipe]] = {}

    def dreaming(self, image: Any = None, *, detail: Tensor | None = None) -> Iterator[Step]:
        """Dream on a picture step by step.

        Parameters
        ----------
        image
            As for `dream`.
        detail : (1, C, h, w), grey levels
            What to add to the picture before the first step, of any size: an earlier dream less its picture.

        Raises
        ------
        BatCountryError
            If the picture cannot be used; at the call, not at the first step.
        """
        settled = self.settled
        picture = _input(image, settled.recipe, settled.model)
        base = planes_of(picture, settled.recipe).to(settled.model.device).expand(self._count, -1, -1, -1)
        sizes, gradient, recipe = self._prepared((base.shape[-2], base.shape[-1]))
        if recipe.redirect_relu and (recipe.tile or recipe.wrap != "none"):
            raise RecipeError(
                "whether a ReLU is dead is asked of the whole picture, so redirect_relu does not go with tiles or wrap; "
                "leave it out, or make the picture smaller with size"
            )
        ascent = settled.ascent(redirecting_gradient(gradient, recipe.redirect_relu), self.parts)
        window = settled.window
        on = ascent.on if window is None else WindowedAscent(ascent, window, recipe.window_rates).on

        def begin(image: Tensor, start: Tensor) -> Advance:
            beside = self._pictures.at(start[:, : settled.model.channels])
            if UPDATE in beside:  # detail of a coarse octave reaches over the mask's edge
                image = torch.lerp(start, image, beside[UPDATE])
            return on(image, beside).step

        note = self._note(picture, recipe)

        def opened(pixels: Tensor) -> Picture:
            return finished(picture, pixels, base[:1], recipe).with_note(note)

        if recipe.carry == "detail" and (recipe.initial_size or recipe.final_size):
            base = octaves.enlarged(base, sizes[-1])
        wrap, carry = wrapped_axes(recipe.wrap), octaves.carries[recipe.carry]
        return climb(base, sizes, recipe.iterations, begin, opened, wrap, detail, carry)

    def _prepared(self, size: tuple[int, int]) -> tuple[list[tuple[int, int]], Gradient, Recipe]:
        """Return the octaves' sizes for a picture of (height, width), the gradient, and the recipe with its tiles."""
        if size not in self._ready:
            model, objective, recipe = self.settled.model, self.settled.objective, self.settled.recipe
            moves, window = self.settled.transforms, self.settled.window
            sizes = octave_sizes(recipe, size)
            if window is not None:
                if self._count > 1:
                    raise RecipeError("windows go over one picture; give one objective, or leave windows out")
                if recipe.octaves is None:
                    sizes = holding(window, sizes)
                    recipe = recipe.with_options(octaves=len(sizes))
                check_windows(sizes, window)
                large_enough(model, objective.layers, [window])
                self._ready[size] = sizes, in_batches(self._whole, recipe.window_batch), recipe
                return self._ready[size]
            sizes = large_enough(model, objective.layers, sizes, moves, chosen=recipe.octaves is None)
            recipe = recipe.with_options(octaves=recipe.octaves or len(sizes))
            buffers = self._count * (PICTURE_BYTES + (VEIL_BYTES if recipe.alpha else 0))
            planned = plan_dream(self.settled, self._probed, sizes, buffers)
            log.info("%s", planned)
            wrap = wrapped_axes(recipe.wrap)
            gradient = sparing_gradient(
                self._whole, model, objective, planned.side, wrap, ceiling=planned.ceiling
            )
            self._ready[size] = sizes, gradient, recipe.with_options(tile=planned.side or 0)
        return self._ready[size]

    def _probed(self, image: Tensor, _: Any = None) -> tuple[float, Tensor]:
        """Work the gradient of all pictures out, with others beside of no consequence, to see what it costs."""
        image = image.expand(self._count, -1, -1, -1)
        beside = {key: each for key, each in self._pictures.at(image).items() if key != UPDATE}
        return self._whole(image, beside)

    def _note(self, picture: Picture, recipe: Recipe) -> str:
        return Note(
            version=__version__,
            recipe=recipe,
            input=picture.source,
            input_sha256=picture.sha256,
            weights_sha256=self.settled.model.weights_sha256,
        ).model_dump_json()


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
    for index, size in enumerate(sizes):
        # Sizes grow, so the first that runs settles the rest, at the price of one small forward pass.
        if _is_enough(model, layers, size, transforms, last=index == len(sizes) - 1):
            if index and not chosen:
                left = ", ".join(f"{w}×{h}" for h, w in sizes[:index])
                log.warning("left out %d octave(s) too small for the network: %s", index, left)
            return sizes[index:]
    height, width = sizes[-1]
    raise RecipeError(
        f"a picture of {width}×{height} pixels is too small for {model.name} to run as far as "
        f"{', '.join(layers)} (or that layer takes pictures of one size only, for which there are windows); "
        "use a larger picture or an earlier layer"
    )


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
    settled: Settled, whole: Gradient, sizes: list[tuple[int, int]], picture_bytes: float = PICTURE_BYTES
) -> Plan:
    """Return how to work a recipe's dream out; see `batcountry.memory.plan`."""
    recipe = settled.recipe
    seen = [seen_size(settled.transforms, each) for each in sizes]
    return plan(
        settled.model,
        settled.objective,
        whole,
        seen,
        recipe.iterations,
        tile=recipe.tile,
        max_memory=recipe.max_memory,
        wrap=wrapped_axes(recipe.wrap),
        picture_bytes=picture_bytes * prod(sizes[-1]) / prod(seen[-1]),
    )


def _input(image: Any, recipe: Recipe, model: Model) -> Picture:
    made = image is None and model.channels == 3
    image = start_picture(recipe) if made else image
    picture = read_picture(image) if model.channels == 3 else read_data(image, model.channels)
    if recipe.size:
        picture = picture.fitted(recipe.size)
    if recipe.enlarge:
        picture = picture.enlarged(recipe.enlarge)
    wrap = wrapped_axes(recipe.wrap)
    picture = begun(picture, wrap, made=made) if recipe.alpha else picture
    return picture.with_pixels(seamless(picture.pixels, wrap)) if any(wrap) else picture
