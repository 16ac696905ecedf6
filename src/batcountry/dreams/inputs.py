"""The files that a recipe reads: which they are, and whether they are there, before any network is opened."""

from __future__ import annotations

from pathlib import Path

from batcountry.errors import BatCountryError, ModelError
from batcountry.image.files import check_readable
from batcountry.objectives import Objective, parse
from batcountry.recipe import Recipe


def input_files(recipe: Recipe) -> list[Path]:
    """Return the files and folders that a recipe's model, guide, mask and objective are read from, as far as they are there."""
    of_objective = parse(recipe.objective).files if recipe.objective else ()
    names = [recipe.model, recipe.weights, recipe.mean, recipe.guide, recipe.mask, *of_objective]
    return [Path(each) for each in names if each and Path(each).exists()]


def check_inputs(recipe: Recipe, objective: Objective | None, *, weights: bool = True) -> None:
    """Check that the files which a recipe and its objective, if it has one, read can be read.

    Parameters
    ----------
    weights
        Whether the network's are among them; not if it is open already.

    Raises
    ------
    BatCountryError
        If one is missing, empty, or may not be read; the message says what for it is.
    """
    for what, name in (("guide", recipe.guide), ("mask", recipe.mask)):
        _check(name, f"the {what} cannot be used")
    for name in objective.files if objective else ():
        _check(name, "the objective cannot be used")
    if weights and recipe.weights and not Path(recipe.weights).is_file():
        raise ModelError(f"there is no file {recipe.weights} to read weights from")


def _check(name: str | None, what: str) -> None:
    if name is None or name.startswith("sha256:"):  # of a picture that was no file; whoever opens it says so
        return
    try:
        check_readable(Path(name))
    except BatCountryError as error:
        raise type(error)(f"{what}: {error}") from None
