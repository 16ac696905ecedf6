"""From what a caller asks for to what a dream runs with: the model opened, the objective made, defaults chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from batcountry.backend.devices import pick_device
from batcountry.backend.threads import limit_threads
from batcountry.dreams import octaves
from batcountry.dreams.functions import (
    NO_FUNCTIONS,
    Functions,
    check_repeatable,
    own_optimizer,
    own_param,
    take_functions,
    usual_step_size,
)
from batcountry.dreams.inputs import check_inputs
from batcountry.dreams.postprocess import check_color
from batcountry.errors import RecipeError
from batcountry.image import initial as starts
from batcountry.image.periodic import wrapped_axes
from batcountry.image.picture import Picture
from batcountry.image.reading import read_picture
from batcountry.models import Model
from batcountry.models.from_recipe import open_recipe_model
from batcountry.objectives import Objective, guide, layer, parse
from batcountry.objectives.base import Scorer
from batcountry.objectives.masks import mask_planes
from batcountry.optim import param, transforms
from batcountry.optim.alpha import COLORS, AlphaMode, alpha_mode
from batcountry.optim.ascent import Ascent
from batcountry.optim.gradient import Gradient
from batcountry.optim.optimizers import BANDS, Make, Schedule, optimizer
from batcountry.optim.transforms import Transform
from batcountry.recipe import Recipe, presets
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
        (1, 1, H, W), 0 to 1: where pixels may change; None for everywhere.
    functions
        What was given as Python code, for which the recipe only has marks.
    """

    model: Model
    objective: Objective
    recipe: Recipe
    mask: Tensor | None = None
    functions: Functions = NO_FUNCTIONS

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
        )

    @property
    def optimizer(self) -> Make:
        """Makes the optimizer."""
        return recipe_optimizer(self.recipe, self.functions)

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


@dataclass(frozen=True)
class Prepared:
    """What a caller asks for, checked as far as that needs no network.

    Attributes
    ----------
    recipe
        With the options over it.
    model
        What was given as one: an open `Model`, a module, or a name; None for the recipe's.
    objective
        None for that of the recipe's layer and guide, which may be the model's own.
    guide, mask
        As they were given, or None.
    functions
        What was given as Python code, for which the recipe only has marks.
    """

    recipe: Recipe
    model: Any
    objective: Objective | None
    guide: Picture | str | None
    mask: Picture | str | None
    functions: Functions = NO_FUNCTIONS


def prepared(recipe: Recipe, options: dict[str, Any]) -> Prepared:
    """Check a recipe with `options` over it before a network is opened or fetched; see `resolve`.

    Raises
    ------
    BatCountryError
        If an option is wrong, the objective's text is, or a file that is named is not there.
    """
    _check_recipe(recipe)
    limit_threads()
    options = presets.expanded(options, model=recipe.model)
    functions = take_functions(options)
    model, aim = options.get("model"), options.get("objective")
    if isinstance(model, Model):
        options["model"] = model.name
    elif isinstance(model, nn.Module):
        options["model"] = type(model).__name__
    elif hasattr(model, "__fspath__"):
        options["model"] = str(model)
    if isinstance(aim, Objective):
        options["objective"] = str(aim)
    shown, mask = (_named(options, name) for name in ("guide", "mask"))
    recipe = recipe.with_options(**options)
    alpha_mode(recipe).check_recipe()
    if recipe.objective and (recipe.layer or recipe.guide):
        raise RecipeError("give an objective, or a layer and a guide, not both")
    check_repeatable(recipe, functions, aim)
    check_param(recipe, functions)
    pick_device(recipe.device)
    objective = aim if isinstance(aim, Objective) else None
    if objective is None and recipe.objective:
        objective = parse(recipe.objective)
    check_inputs(recipe, objective, weights=not isinstance(model, Model | nn.Module))
    if objective is not None and not objective.of_layers:
        raise RecipeError(f'{objective} reads no layer of the network; add one, such as layer("NAME")')
    starts.parse(recipe.start)
    check_color(recipe.color)
    check_octaves(recipe)
    check_windows(recipe)
    _ = recipe_optimizer(recipe, functions)
    if functions.transforms is None and recipe.transforms:
        transforms.parse(recipe.transforms)
    return Prepared(recipe, model, objective, shown, mask, functions)


def resolve(recipe: Recipe, options: dict[str, Any]) -> Resolved:
    """Open what a recipe with `options` over it names; see `batcountry.dream` for what they may be.

    Raises
    ------
    BatCountryError
        If an option is wrong, or the model, the guide or a mask cannot be opened.
    """
    asked = prepared(recipe, options)
    recipe, model, functions = asked.recipe, asked.model, asked.functions
    opened = model if isinstance(model, Model) else _opened(recipe, model)
    opened = opened.to(pick_device(recipe.device)).at(recipe.precision)
    recipe = _with_usual(recipe, opened, functions).with_options(precision=opened.precision)
    if recipe.layer is None and not recipe.objective:
        recipe = recipe.with_options(layer=opened.default_layer)
    objective = (asked.objective or _objective(recipe, asked.guide)).resolved(opened)
    if not objective.of_layers:
        raise RecipeError(f'{objective} reads no layer of the network; add one, such as layer("NAME")')
    check_color(recipe.color, opened.channels)
    where = asked.mask or recipe.mask
    if recipe.windows == "input" and opened.input_size is None:
        raise RecipeError(f"nobody knows what size of pictures {opened.name} takes; give windows as 224x224")
    alpha_mode(recipe).check_network(opened, objective)
    found = Resolved(opened, objective, recipe, None if where is None else mask_planes(where), functions)
    _ = found.optimizer, found.transforms  # so that what cannot be is said now
    return found


def _opened(recipe: Recipe, model: Any) -> Model:
    return open_recipe_model(recipe, module=model if isinstance(model, nn.Module) else None)


def recipe_optimizer(recipe: Recipe, functions: Functions = NO_FUNCTIONS) -> Make:
    """Return what makes a recipe's optimizer; raises `RecipeError` if there is no such one."""
    if functions.optimizer is not None:
        return own_optimizer(functions.optimizer, recipe)
    schedule = Schedule(recipe.stride, recipe.decay, recipe.decay_every)
    wrap = wrapped_axes(recipe.wrap)
    return optimizer(recipe.optimizer, schedule, recipe.normalize or "mean", recipe.smoothing, wrap)


def check_param(recipe: Recipe, functions: Functions = NO_FUNCTIONS) -> None:
    """Raise `RecipeError` for a parametrization that cannot be."""
    if recipe.param is None or recipe.param in param.by_pixel:
        return
    if functions.param is None:
        _ = param.PARAMS[recipe.param]
    if recipe.mask:
        raise RecipeError(
            f"a mask holds pixels still, which {recipe.param} cannot; leave mask out, or use decorrelated"
        )
    if recipe.normalize == BANDS:
        raise RecipeError(
            f"bands are of pixels, which {recipe.param} has none of; use decorrelated or pixels"
        )


def check_octaves(recipe: Recipe) -> None:
    """Raise `RecipeError` for octaves that cannot be."""
    _ = octaves.OCTAVE_TRANSFERS[recipe.carry]
    if recipe.carry == "picture" and recipe.wrap != "none":
        raise RecipeError("a picture that wraps hands its detail on; leave carry out, or wrap")
    if recipe.spacing != "geometric" and not (recipe.initial_size or recipe.final_size):
        raise RecipeError("spacing is for sizes between an initial_size and a final_size; give one of them")


def check_windows(recipe: Recipe) -> None:
    """Raise `RecipeError` for windows that cannot be."""
    if recipe.windows == "none":
        for name in ("window_batch", "window_rates"):
            if getattr(recipe, name) != Recipe.model_fields[name].default:
                raise RecipeError(f"{name} is for windows; give windows, such as input or 224x224")
        return
    for name in ("wrap", "param", "tile", "max_memory", "redirect_relu"):
        found = getattr(recipe, name)
        if found not in (Recipe.model_fields[name].default, {"param": "pixels", "tile": 0}.get(name)):
            raise RecipeError(f"{name} {found!r} does not go with windows; leave one of them out")


def _named(options: dict[str, Any], name: str) -> Picture | str | None:
    """Return a picture given as an option, and put in its place what a recipe says of it."""
    shown = options.get(name)
    if hasattr(shown, "__fspath__"):
        shown = str(shown)
    elif shown is not None and not isinstance(shown, str):
        shown = read_picture(shown)
    if shown is not None:
        options[name] = shown if isinstance(shown, str) else f"sha256:{shown.sha256}"
    return shown


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
    return recipe.with_options(param=name, normalize=normalize, step_size=step_size)


def _objective(recipe: Recipe, shown: str | Picture | None) -> Objective:
    name = recipe.layer or ""
    picture = shown or recipe.guide
    return guide(picture, name) if picture else layer(name)


def _check_recipe(recipe: Any) -> None:
    if not isinstance(recipe, Recipe):
        raise RecipeError(
            f"a recipe is a batcountry.Recipe, not {type(recipe).__name__}; options are given by name"
        )
