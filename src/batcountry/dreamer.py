"""Dreams: a recipe made ready, and run on pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from batcountry import octaves
from batcountry.ascent import UPDATE, Ascent
from batcountry.beside import Pictures
from batcountry.data_picture import read_data
from batcountry.dreams import Advance, Step, climb
from batcountry.errors import RecipeError
from batcountry.gradient import Gradient, redirecting_gradient, sparing_gradient, whole_gradient
from batcountry.memory import PICTURE_BYTES, Plan, plan
from batcountry.models import Model
from batcountry.picture import Picture, read_picture
from batcountry.recipe import Note, Recipe
from batcountry.settling import Settled, settle
from batcountry.wrap import seamless, wrapped_axes

log = logging.getLogger("batcountry")


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

    Raises
    ------
    BatCountryError
        As `dream`.
    """

    def __init__(self, recipe: Recipe | None = None, **options: Any) -> None:
        self.settled = settle(recipe or Recipe(), options)
        model, objective = self.settled.model, self.settled.objective
        self._whole = whole_gradient(model, objective)
        self._prior = objective.of_image.bind(model) if objective.of_image else None
        more = {} if self.settled.mask is None else {UPDATE: self.settled.mask}
        self._pictures = Pictures(objective, more)
        self._ready: dict[tuple[int, int], tuple[list[tuple[int, int]], Gradient, Recipe]] = {}

    def dreaming(self, image: Any = None, *, detail: Tensor | None = None) -> Iterator[Step]:
        """Dream on a picture step by step.

        Parameters
        ----------
        image
            As for `dream`.
        detail : (1, 3, h, w), grey levels
            What to add to the picture before the first step, of any size: an earlier dream less its picture.

        Raises
        ------
        BatCountryError
            If the picture cannot be used; at the call, not at the first step.
        """
        settled = self.settled
        picture = _input(image, settled.recipe, settled.model)
        base = torch.from_numpy(picture.pixels).permute(2, 0, 1)[None].to(settled.model.device)
        sizes, gradient, recipe = self._prepared((base.shape[-2], base.shape[-1]))
        if recipe.redirect_relu and (recipe.tile or recipe.wrap != "none"):
            raise RecipeError(
                "whether a ReLU is dead is asked of the whole picture, so redirect_relu does not go with tiles or wrap; "
                "leave it out, or make the picture smaller with size"
            )
        ascent = Ascent(
            redirecting_gradient(gradient, recipe.redirect_relu),
            settled.optimizer,
            settled.transforms,
            np.random.RandomState(recipe.seed),
            recipe.clip,
            settled.make_param,
            self._prior,
        )

        def begin(image: Tensor, start: Tensor) -> Advance:
            beside = self._pictures.at(start)
            if UPDATE in beside:  # detail of a coarse octave reaches over the mask's edge
                image = torch.lerp(start, image, beside[UPDATE])
            return ascent.on(image, beside).step

        note = self._note(picture, recipe)

        def opened(pixels: Tensor) -> Picture:
            return picture.with_pixels(_displayed(pixels, recipe.clip)).with_note(note)

        return climb(base, sizes, recipe.iterations, begin, opened, wrapped_axes(recipe.wrap), detail)

    def _prepared(self, size: tuple[int, int]) -> tuple[list[tuple[int, int]], Gradient, Recipe]:
        """Return the octaves' sizes for a picture of (height, width), the gradient, and the recipe with its tiles."""
        if size not in self._ready:
            model, objective, recipe = self.settled.model, self.settled.objective, self.settled.recipe
            sizes = runnable_sizes(model, objective.layers, size, recipe.octaves, recipe.octave_scale)
            planned = plan_dream(self.settled, self._probed, sizes)
            log.info("%s", planned)
            wrap = wrapped_axes(recipe.wrap)
            gradient = sparing_gradient(
                self._whole, model, objective, planned.side, wrap, ceiling=planned.ceiling
            )
            self._ready[size] = sizes, gradient, recipe.with_options(tile=planned.side or 0)
        return self._ready[size]

    def _probed(self, image: Tensor, _: Any = None) -> tuple[float, Tensor]:
        """Work a gradient out with pictures beside of no consequence, to see what it costs."""
        beside = {key: each for key, each in self._pictures.at(image).items() if key != UPDATE}
        return self._whole(image, beside)

    def _note(self, picture: Picture, recipe: Recipe) -> str:
        return Note(
            version=version("bat-country"),
            recipe=recipe,
            input=picture.source,
            input_sha256=picture.sha256,
            weights_sha256=self.settled.model.weights_sha256,
        ).model_dump_json()


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
    settled: Settled, whole: Gradient, sizes: list[tuple[int, int]], picture_bytes: float = PICTURE_BYTES
) -> Plan:
    """Return how to work a recipe's dream out; see `batcountry.memory.plan`."""
    recipe = settled.recipe
    return plan(
        settled.model,
        settled.objective,
        whole,
        sizes,
        recipe.iterations,
        tile=recipe.tile,
        max_memory=recipe.max_memory,
        wrap=wrapped_axes(recipe.wrap),
        picture_bytes=picture_bytes,
    )


def _input(image: Any, recipe: Recipe, model: Model) -> Picture:
    if image is None and model.channels == 3:
        from batcountry.sky import sky

        image = sky(seed=recipe.seed)
    picture = read_picture(image) if model.channels == 3 else read_data(image, model.channels)
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
