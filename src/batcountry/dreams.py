"""The dream itself: the loop that everything else listens to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from batcountry import octaves
from batcountry.allocator import kept_memory
from batcountry.ascent import Ascent
from batcountry.devices import pick_device
from batcountry.errors import RecipeError
from batcountry.gradient import Gradient, sparing_gradient, whole_gradient
from batcountry.memory import PICTURE_BYTES, Plan, plan
from batcountry.models import Model, open_model
from batcountry.objectives import Objective, guide, layer, parse
from batcountry.picture import Picture, read_picture
from batcountry.recipe import Note, Recipe
from batcountry.wrap import NO_WRAP, Wrap, seamless, wrapped_axes

log = logging.getLogger("batcountry")


@dataclass(frozen=True)
class Progress:
    """What is known after one iteration.

    Attributes
    ----------
    octave, iteration
        Counted from 0; the octave 0 is the smallest that is run.
    octaves, iterations
        How many of each there will be.
    size
        (height, width) of this octave in pixels.
    score
        The objective's value before this step.
    done
        Share of the whole work that is done, 0 to 1, counted in pixels.
    """

    octave: int
    iteration: int
    octaves: int
    iterations: int
    size: tuple[int, int]
    score: float
    done: float

    @property
    def last(self) -> bool:
        """Whether this is the dream's last step."""
        return self.octave == self.octaves - 1 and self.iteration == self.iterations - 1


@dataclass(frozen=True)
class Step(Progress):
    """What is known after one iteration, and the picture.

    Attributes
    ----------
    image
        (1, 3, H, W), RGB in grey levels, as it is now.
    """

    image: Tensor = field(repr=False, compare=False)
    _opened: Callable[[Tensor], Picture] | None = field(default=None, repr=False, compare=False)

    def picture(self) -> Picture:
        """Return the picture as it is now, at this octave's size, with the recipe as its note."""
        pixels = self.image[0].permute(1, 2, 0).contiguous().cpu().numpy()
        return self._opened(self.image) if self._opened else read_picture(pixels)


def dream(image: Any = None, recipe: Recipe | None = None, **options: Any) -> Picture:
    """Dream on a picture and return the result, which `save`s itself with its recipe inside.

    Parameters
    ----------
    image
        A path, a PIL image, an H×W×3 array (uint8, or float 0–255), a torch tensor or a
        `Picture`. With none, a sky of clouds is made on the spot.
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
    model, objective, recipe = settle(recipe or Recipe(), options)
    picture = _input(image, recipe)
    whole = whole_gradient(model, objective)
    base = torch.from_numpy(picture.pixels).permute(2, 0, 1)[None].to(model.device)
    height, width = base.shape[-2:]
    sizes = runnable_sizes(model, objective.layers, (height, width), recipe.octaves, recipe.octave_scale)
    planned = plan_dream(model, objective, whole, sizes, recipe)
    log.info("%s", planned)
    recipe = recipe.with_options(tile=planned.side or 0)
    note = Note(
        version=version("bat-country"),
        recipe=recipe,
        input=picture.source,
        input_sha256=picture.sha256,
        weights_sha256=model.weights_sha256,
    )
    wrap = wrapped_axes(recipe.wrap)
    gradient = sparing_gradient(whole, model, objective, planned.side, wrap)
    ascent = Ascent(
        gradient, recipe.step_size, recipe.jitter, recipe.clip, np.random.RandomState(recipe.seed)
    )

    def opened(pixels: Tensor) -> Picture:
        return picture.with_pixels(_displayed(pixels, recipe.clip)).with_note(note.model_dump_json())

    return climb(base, sizes, recipe.iterations, ascent.step, opened, wrap)


def climb(
    base: Tensor,
    sizes: list[tuple[int, int]],
    iterations: int,
    step: Callable[[Tensor], tuple[Tensor, float]],
    opened: Callable[[Tensor], Picture] | None = None,
    wrap: Wrap = NO_WRAP,
) -> Iterator[Step]:
    """Run `step` in each octave, coarse to fine, carrying the detail found in one to the next.

    Parameters
    ----------
    base : (1, 3, H, W), RGB in grey levels
    sizes
        (height, width) of the octaves to run, smallest first.
    """
    work = sum(height * width for height, width in sizes)
    finished = 0.0
    detail: Tensor | None = None
    with kept_memory():
        for octave, (size, octave_base) in enumerate(
            zip(sizes, octaves.pyramid(base, sizes, wrap), strict=True)
        ):
            image = octave_base if detail is None else octave_base + octaves.resize(detail, size, wrap)
            for iteration in range(iterations):
                image, score = step(image)
                finished += size[0] * size[1] / work / iterations
                done = min(finished, 1.0)
                yield Step(octave, iteration, len(sizes), iterations, size, score, done, image, opened)
            detail = image - octave_base


def runnable_sizes(
    model: Model, layers: Sequence[str], size: tuple[int, int], count: int, scale: float
) -> list[tuple[int, int]]:
    """Return the sizes of up to `count` octaves that the network can run on, smallest first.

    Those too small for the network to reach `layers` are left out with a warning.

    Raises
    ------
    RecipeError
        If none is left.
    """
    height, width = size
    sizes = octaves.sizes(height, width, count, scale)
    for index, size in enumerate(sizes):
        # Sizes grow, so the first that runs settles the rest, at the price of one small forward pass.
        if model.runs_on(size, layers):
            if index:
                left = ", ".join(f"{w}×{h}" for h, w in sizes[:index])
                log.warning("left out %d octave(s) too small for the network: %s", index, left)
            return sizes[index:]
    raise RecipeError(
        f"a picture of {width}×{height} pixels is too small for {model.name} to run as far as "
        f"{', '.join(layers)} (or that layer takes pictures of one size only); "
        "use a larger picture or an earlier layer"
    )


def plan_dream(
    model: Model,
    objective: Objective,
    whole: Gradient,
    sizes: list[tuple[int, int]],
    recipe: Recipe,
    picture_bytes: float = PICTURE_BYTES,
) -> Plan:
    """Return how to work out a recipe's dream; see `batcountry.memory.plan`."""
    return plan(
        model,
        objective,
        whole,
        sizes,
        recipe.iterations,
        tile=recipe.tile,
        max_memory=recipe.max_memory,
        wrap=wrapped_axes(recipe.wrap),
        picture_bytes=picture_bytes,
    )


def settle(recipe: Recipe, options: dict[str, Any]) -> tuple[Model, Objective, Recipe]:
    """Open what a recipe with `options` over it names, and return the recipe with what was chosen for it.

    Raises
    ------
    BatCountryError
        If an option is wrong, or the model or the guide cannot be opened.
    """
    options = dict(options)
    model, aim, shown = (options.get(name) for name in ("model", "objective", "guide"))
    if isinstance(model, Model):
        options["model"] = model.name
    elif hasattr(model, "__fspath__"):
        options["model"] = str(model)
    if isinstance(aim, Objective):
        options["objective"] = str(aim)
    if hasattr(shown, "__fspath__"):
        options["guide"] = shown = str(shown)
    elif shown is not None and not isinstance(shown, str):
        shown = read_picture(shown)
        options["guide"] = f"sha256:{shown.sha256}"
    recipe = recipe.with_options(**options)
    if recipe.objective and (recipe.layer or recipe.guide):
        raise RecipeError("give an objective, or a layer and a guide, not both")
    opened = model if isinstance(model, Model) else open_model(recipe.model)
    opened = opened.to(pick_device(recipe.device)).at(recipe.precision)
    recipe = recipe.with_options(precision=opened.precision)
    if recipe.layer is None and not recipe.objective:
        recipe = recipe.with_options(layer=opened.default_layer)
    return opened, aim if isinstance(aim, Objective) else _objective(recipe, shown), recipe


def _objective(recipe: Recipe, shown: str | Picture | None) -> Objective:
    if recipe.objective:
        return parse(recipe.objective)
    name = recipe.layer or ""
    picture = shown or recipe.guide
    return guide(picture, name) if picture else layer(name)


def _input(image: Any, recipe: Recipe) -> Picture:
    if image is None:
        from batcountry.sky import sky

        image = sky(seed=recipe.seed)
    picture = read_picture(image)
    if recipe.size:
        picture = picture.fitted(recipe.size)
    if recipe.enlarge:
        picture = picture.enlarged(recipe.enlarge)
    wrap = wrapped_axes(recipe.wrap)
    return picture.with_pixels(seamless(picture.pixels, wrap)) if any(wrap) else picture


def _displayed(image: Tensor, clip: bool) -> np.ndarray[Any, np.dtype[np.float32]]:
    pixels = image[0].permute(1, 2, 0).contiguous().cpu().numpy()
    if not clip:
        # The 2015 notebook's rule for unclipped dreams: the brightest 0.02 % may saturate.
        pixels = pixels * np.float32(255.0 / max(float(np.percentile(pixels, 99.98)), 1.0))
    return np.clip(pixels, 0, 255).astype(np.float32)
