"""What a caller asks for, checked once, as far as that needs no network: before one is opened or downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from batcountry.backend.devices import pick_device
from batcountry.backend.policy import OPEN, Policy
from batcountry.dreams.checks import (
    check_aim,
    check_octaves,
    check_param,
    check_reads_layers,
    check_recipe,
    check_windows,
)
from batcountry.dreams.functions import (
    NO_FUNCTIONS,
    Functions,
    check_repeatable,
    recipe_optimizer,
    take_functions,
)
from batcountry.dreams.inputs import check_inputs
from batcountry.dreams.postprocess import check_color
from batcountry.image import initial as starts
from batcountry.image.picture import Picture
from batcountry.image.reading import read_picture
from batcountry.models import Model
from batcountry.models.from_recipe import open_recipe_model, recent_model
from batcountry.objectives import Objective, parse
from batcountry.optim import transforms
from batcountry.optim.alpha import alpha_mode
from batcountry.recipe import Recipe, presets
from batcountry.recipe.groups.network import DEFAULT_MODEL
from batcountry.recipe.units import parsed_size


@dataclass(frozen=True)
class Prepared:
    """What a caller asks for, checked as far as that needs no network; `batcountry.dreams.resolve.resolve` takes it.

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
    policy
        What the recipe may do.
    sha256
        The hash that the file of the model's weights is to have; None for any.
    """

    recipe: Recipe
    model: Any = None
    objective: Objective | None = None
    guide: Picture | str | None = None
    mask: Picture | str | None = None
    functions: Functions = NO_FUNCTIONS
    policy: Policy = OPEN
    sha256: str | None = None

    def open_model(self) -> Model:
        """Open the model, on the recipe's device and in its precision; raises what `open_recipe_model` raises."""
        model, device = self.model, pick_device(self.recipe.device)
        if not isinstance(model, (Model, nn.Module)) and device.type != "cpu":
            model = recent_model(self.recipe, device, policy=self.policy, sha256=self.sha256)
        elif not isinstance(model, Model):
            module = model if isinstance(model, nn.Module) else None
            model = open_recipe_model(self.recipe, module=module, policy=self.policy, sha256=self.sha256)
        return model.to(device).at(self.recipe.precision)

    def with_model(self, model: Model) -> Prepared:
        """Return the same with its model open, so that it is opened once for several dreams."""
        return replace(self, model=model, recipe=self.recipe.chosen(model=model.name))

    def with_aim(
        self,
        *,
        layer: str | None = None,
        objective: Objective | str | None = None,
        guide: Picture | None = None,
    ) -> Prepared:
        """Return the same for another layer or objective, and with `guide` another guide; nothing else is checked again.

        Raises
        ------
        BatCountryError
            As `prepare`, for the objective.
        """
        text = None if objective is None else str(objective)
        recipe = self.recipe.chosen(layer=layer, objective=text)
        return _aimed(replace(self, recipe=recipe, guide=guide or self.guide), objective)


def prepare(
    recipe: Recipe | None = None, options: Mapping[str, Any] | None = None, policy: Policy = OPEN
) -> Prepared:
    """Check a recipe with `options` over it; see `batcountry.dream` for what they may be.

    Raises
    ------
    BatCountryError
        If an option is wrong, the objective's text is, or a file that is named is not there.
    PolicyError
        If a file that is named may not be read, or the recipe asks for more than is allowed.
    """
    check_recipe(recipe)
    given = presets.expanded(options or {}, model=DEFAULT_MODEL if recipe is None else recipe.model)
    texts = dict(given)
    functions = take_functions(texts)
    aim = texts.get("objective")
    guide, mask = (_named(texts, name, policy) for name in ("guide", "mask"))
    _name_objects(texts)
    same = {name: text for name, text in texts.items() if text is given.get(name)}
    if recipe is None:
        recipe = Recipe.of(same)
    elif same:
        recipe = recipe.with_options(**same)
    # What stands for an object needs no check.
    recipe = recipe.chosen(**{name: text for name, text in texts.items() if name not in same})
    alpha_mode(recipe).check_recipe()
    asked = _aimed(Prepared(recipe, given.get("model"), None, guide, mask, functions, policy), aim)
    _check_options(recipe, functions, policy)
    return asked


def _aimed(asked: Prepared, given: Any) -> Prepared:
    """Return what is asked for with its objective read, which is `given` if that is one, and else the recipe's."""
    recipe = asked.recipe
    check_aim(recipe)
    check_repeatable(recipe, asked.functions, given)
    aim = given if isinstance(given, Objective) else None
    if aim is None and recipe.objective:
        aim = parse(recipe.objective)
    is_open = isinstance(asked.model, Model | nn.Module)
    check_inputs(recipe, aim, asked.policy, weights=not is_open)
    if aim is not None:
        check_reads_layers(aim)
    return replace(asked, objective=aim)


def _check_options(recipe: Recipe, functions: Functions, policy: Policy) -> None:
    """Check all that neither the network nor what is dreamed of is asked for."""
    policy.check_steps((recipe.octaves or 1) * recipe.iterations)
    policy.check_pixels(parsed_size(recipe.canvas), "the start")
    check_param(recipe, functions)
    pick_device(recipe.device)
    starts.parse(recipe.start)
    check_color(recipe.color)
    check_octaves(recipe)
    check_windows(recipe)
    _ = recipe_optimizer(recipe, functions)
    if functions.transforms is None and recipe.transforms:
        transforms.parse(recipe.transforms)


def _named(options: dict[str, Any], name: str, policy: Policy) -> Picture | str | None:
    """Return a picture given as an option, and put in its place what a recipe says of it."""
    shown = options.get(name)
    if hasattr(shown, "__fspath__"):
        shown = str(shown)
    elif shown is not None and not isinstance(shown, str):
        shown = read_picture(shown, policy=policy)
    if shown is not None:
        options[name] = shown if isinstance(shown, str) else f"sha256:{shown.sha256}"
    return shown


def _name_objects(options: dict[str, Any]) -> None:
    """Put in the place of a model and an objective what a recipe says of them."""
    model, aim = options.get("model"), options.get("objective")
    if isinstance(model, Model):
        options["model"] = model.name
    elif isinstance(model, nn.Module):
        options["model"] = type(model).__name__
    elif hasattr(model, "__fspath__"):
        options["model"] = str(model)
    if isinstance(aim, Objective):
        options["objective"] = str(aim)
