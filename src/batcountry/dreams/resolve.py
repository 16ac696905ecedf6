"""From what a caller asks for to what a dream runs with: the model opened, the objective made, defaults chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from batcountry.backend.policy import OPEN, Policy
from batcountry.backend.threads import limited_threads
from batcountry.dreams.checks import check_reads_layers, warn_of_likeness
from batcountry.dreams.functions import (
    NO_FUNCTIONS,
    Functions,
    own_param,
    recipe_optimizer,
    usual_step_size,
)
from batcountry.dreams.postprocess import check_color
from batcountry.dreams.prepare import Prepared, prepare
from batcountry.errors import RecipeError
from batcountry.image.picture import Picture
from batcountry.models import Model
from batcountry.objectives import Objective, guide, layer
from batcountry.objectives.base import Scorer
from batcountry.objectives.breakdown import Breakdown
from batcountry.objectives.masks import mask_planes
from batcountry.objectives.references import ReadPlanes
from batcountry.optim import param, transforms
from batcountry.optim.alpha import COLORS, AlphaMode, alpha_mode
from batcountry.optim.ascent import Ascent
from batcountry.optim.gradient import Gradient, finite_gradient
from batcountry.optim.optimizers import Make
from batcountry.optim.transforms import Transform
from batcountry.recipe import Recipe
from batcountry.recipe.units import parsed_size


@dataclass(frozen=True)
class Resolved:
    """What a recipe stands for.

    Attributes
    ----------
    model
        On its device and in its precision.
    objective
        What to make more of.
    recipe
        With all that was chosen for it.
    mask
        Reads (1, 1, H, W), 0 to 1: where pixels may change; None for everywhere.
    functions
        What was given as Python code, for which the recipe only has marks.
    policy
        What the recipe may do.
    """

    model: Model
    objective: Objective
    recipe: Recipe
    mask: ReadPlanes | None = None
    functions: Functions = NO_FUNCTIONS
    policy: Policy = OPEN

    @property
    def window(self) -> tuple[int, int] | None:
        """Height and width of the windows that the network is shown, or None for the whole picture at once."""
        if self.recipe.windows == "none":
            return None
        return self.model.input_size if self.recipe.windows == "input" else parsed_size(self.recipe.windows)

    @property
    def alpha(self) -> AlphaMode:
        """What becomes of the picture's opacity."""
        return alpha_mode(self.recipe)

    @property
    def make_param(self) -> param.MakeParam:
        """Makes the parametrization."""
        own = self.functions.param
        make = param.PARAMS[self.recipe.param or "pixels"] if own is None else own_param(own)
        return self.alpha.param(make)

    def ascent(self, gradient: Gradient, prior: Scorer | None = None) -> Ascent:
        """Return how pictures are made to score higher, with an rng that begins with the recipe's seed.

        Parameters
        ----------
        gradient
            Score and gradient of what the network sees.
        prior
            Score of the image itself, of its colors.
        """
        recipe = self.recipe
        return Ascent(
            gradient,
            self.optimizer,
            self.view,
            np.random.RandomState(recipe.seed),
            recipe.clip,
            self.make_param,
            None if prior is None else self.alpha.prior(prior),
            str(self.objective.of_image),
            None if not isinstance(prior, Breakdown) else lambda: prior.values,
        )

    def finite(self, gradient: Gradient) -> Gradient:
        """Return a gradient that ends in a sentence where it is not finite; see `batcountry.optim.finite.culprit`."""
        return finite_gradient(self.model, self.objective, gradient)

    @property
    def optimizer(self) -> Make:
        """Makes the optimizer."""
        return recipe_optimizer(self.recipe, self.functions, self._places)

    @property
    def _places(self) -> float:
        """How many places of its first layer a window's score is the mean of; 1 where the picture has no windows."""
        term = self.objective.of_layers.terms[0][1]
        stride = self.model.layer(term.layers[0]).stride
        if self.window is None or not term.local or not stride:
            return 1.0
        return self.window[0] * self.window[1] / stride**2

    @property
    def transforms(self) -> list[Transform]:
        """What happens to the picture before the network sees it."""
        more = self.functions.transforms
        if more is None:
            more = tuple(transforms.parse(self.recipe.transforms)) if self.recipe.transforms else ()
        moves = [transforms.jitter(self.recipe.jitter), *more]
        return transforms.of_channels(moves, self.model.channels)

    @property
    def view(self) -> list[Transform]:
        """What makes of the picture that grows what the network sees: `transforms`, with a ground if it is transparent."""
        return self.alpha.transforms(self.transforms)


@limited_threads()
def resolve(
    recipe: Recipe | Prepared | Resolved | None = None,
    options: Mapping[str, Any] | None = None,
    policy: Policy = OPEN,
) -> Resolved:
    """Return what a recipe with `options` over it runs with, its model open; see `batcountry.dream` for what they may be.

    What was prepared is not checked again, and what was resolved is returned as it is; either has its options and its
    policy already.

    Raises
    ------
    BatCountryError
        If an option is wrong, or the model, the guide or a mask cannot be opened.
    PolicyError
        If the recipe asks for more than the policy allows.
    """
    if isinstance(recipe, (Prepared, Resolved)) and options:
        raise RecipeError(f"what is prepared takes no more options, such as {next(iter(options))}")
    if isinstance(recipe, Resolved):
        return recipe
    asked = recipe if isinstance(recipe, Prepared) else prepare(recipe, options, policy)
    opened = asked.open_model()
    chosen = _with_usual(asked.recipe, opened, asked.functions).chosen(precision=opened.precision)
    if chosen.layer is None and not chosen.objective:
        chosen = chosen.chosen(layer=opened.default_layer)
    objective = (asked.objective or _objective(chosen, asked.guide)).resolved(opened)
    check_reads_layers(objective)
    warn_of_likeness(objective)
    check_color(chosen.color, opened.channels)
    alpha_mode(chosen).check_network(opened, objective)
    if chosen.windows == "input" and opened.input_size is None:
        raise RecipeError(f"nobody knows what size of pictures {opened.name} takes; give windows as 224x224")
    where = asked.mask or chosen.mask
    mask = None if where is None else partial(mask_planes, where)
    found = Resolved(opened, objective, chosen, mask, asked.functions, asked.policy)
    _ = found.optimizer, found.transforms  # so that what cannot be is said now
    return found


def _with_usual(recipe: Recipe, model: Model, functions: Functions) -> Recipe:
    """Return a recipe with the parametrization, normalization and step size that are usual where it names none."""
    plain = model.channels != COLORS or recipe.windows != "none" or not recipe.clip
    name = recipe.param or ("pixels" if plain else "decorrelated")
    if name == "decorrelated" and plain:
        raise RecipeError(
            "the param decorrelated is for colors within 0 to 255 on the whole picture, not for windows, no-clip, or "
            f"the {model.channels} channel(s) of {model.name}; use pixels"
        )
    normalize: str | None = recipe.normalize
    if normalize is None and recipe.optimizer == "ascent":
        normalize = param.normalizations.get(name, "mean")
    step_size = recipe.step_size or usual_step_size(name, recipe.optimizer, functions)
    return recipe.chosen(param=name, normalize=normalize, step_size=step_size)


def _objective(recipe: Recipe, shown: str | Picture | None) -> Objective:
    name = recipe.layer or ""
    picture = shown or recipe.guide
    return guide(picture, name) if picture else layer(name)
