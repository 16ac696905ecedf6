"""What of a recipe's options cannot go together, said before a network is opened where that can be."""

from __future__ import annotations

import logging
from typing import Any

from batcountry.dreams import octaves
from batcountry.dreams.functions import NO_FUNCTIONS, Functions
from batcountry.errors import RecipeError
from batcountry.objectives import Objective
from batcountry.optim import param
from batcountry.optim.optimizers import BANDS
from batcountry.recipe import Recipe

log = logging.getLogger("batcountry")


def check_recipe(recipe: Any) -> None:
    """Raise `RecipeError` for what is given as a recipe and is none; None is for the options alone."""
    if recipe is not None and not isinstance(recipe, Recipe):
        raise RecipeError(
            f"a recipe is a batcountry.Recipe, not {type(recipe).__name__}; options are given by name"
        )


def check_aim(recipe: Recipe) -> None:
    """Raise `RecipeError` if a recipe says twice what to make more of."""
    if recipe.objective and (recipe.layer or recipe.guide):
        raise RecipeError("give an objective, or a layer and a guide, not both")


def check_reads_layers(objective: Objective) -> None:
    """Raise `RecipeError` for an objective of the image alone."""
    if not objective.of_layers:
        raise RecipeError(f'{objective} reads no layer of the network; add one, such as layer("NAME")')


def warn_of_likeness(objective: Objective) -> None:
    """Warn that `diversity`, as lucid has it, is to be subtracted, where it is added."""
    if any(term.name == "diversity" and weight > 0 for weight, term in objective.terms):
        log.warning("diversity measures how alike pictures are, as in lucid; subtract it to have them differ")


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


def check_redirected(recipe: Recipe) -> None:
    """Raise `RecipeError` if dead ReLUs are to be redirected of a picture that is worked out in parts."""
    if recipe.redirect_relu and (recipe.tile or recipe.wrap != "none"):
        raise RecipeError(
            "whether a ReLU is dead is asked of the whole picture, so redirect_relu does not go with tiles or wrap; "
            "leave it out, or make the picture smaller with size"
        )
