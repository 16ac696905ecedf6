"""What a caller gives for a film: a recipe or options, and a picture."""

from __future__ import annotations

from typing import Any

from batcountry.backend.policy import OPEN, Policy
from batcountry.dreams.prepare import Prepared, prepare
from batcountry.errors import RecipeError
from batcountry.image.picture import Picture, read_picture
from batcountry.motion.recipe_keyframes import LEFT_OUT
from batcountry.motion.recipes import Motion, ZoomRecipe
from batcountry.recipe import Recipe, presets


def recipe_of(kind: Any, recipe: Recipe | Motion | None, options: dict[str, Any]) -> Any:
    """Return a recipe of a kind from what was given: one, or one for its dreams, and options over it.

    Raises
    ------
    RecipeError
        If an option is unknown or out of its range.
    """
    options = presets.expanded(options, LEFT_OUT)
    plain = {name: value for name, value in options.items() if name not in objects(options)}
    if isinstance(recipe, Recipe):
        return kind.of({"dream": recipe, **plain})
    if recipe is not None and not isinstance(recipe, kind):
        raise RecipeError(f"this takes a {kind.__name__}, not a {type(recipe).__name__}")
    return recipe.with_options(**plain) if recipe is not None else kind.of(plain)


def objects(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that are things rather than fields of a recipe: a model, an objective, a guide."""
    return {
        name: value
        for name, value in options.items()
        if name in ("model", "objective", "guide", "mask", "transforms", "optimizer", "param")
        and value is not None
        and not isinstance(value, str)
    }


def asked_of(motion: Motion, options: dict[str, Any], policy: Policy = OPEN) -> Prepared:
    """Return what a film's dream is asked for with, checked once: its recipe, and the things among the options."""
    return prepare(motion.dream, objects(options), policy)


def begun_with(image: Any, recipe: ZoomRecipe, policy: Policy = OPEN) -> Picture:
    """Return the picture that a zoom begins with: the sky if there is none."""
    if image is None:
        from batcountry.image.sky import sky

        image = sky(seed=recipe.dream.seed)
    return read_picture(image, policy=policy)
