"""The files that a recipe reads: which they are, and whether they are there, before any network is opened."""

from __future__ import annotations

from pathlib import Path

from batcountry.backend.policy import OPEN, Policy
from batcountry.backend.reading import MAX_WEIGHTS, check_plain
from batcountry.errors import BatCountryError, MissingExtra, ModelError, PictureError
from batcountry.image.files import check_readable, picture_size
from batcountry.image.sources.addresses import address_of, local_path
from batcountry.objectives import Objective, parse
from batcountry.recipe import Recipe


def input_files(recipe: Recipe) -> list[Path]:
    """Return the files and folders that a recipe's model, guide, mask and objective are read from, as far as they are there."""
    of_objective = parse(recipe.objective).files if recipe.objective else ()
    names = [recipe.model, recipe.weights, recipe.mean, recipe.guide, recipe.mask, *of_objective]
    paths = [local_path(each) for each in names if each]
    return [each for each in paths if each.exists()]


def check_inputs(
    recipe: Recipe, objective: Objective | None, policy: Policy = OPEN, *, weights: bool = True
) -> None:
    """Check that the files which a recipe and its objective, if it has one, read can and may be read.

    Parameters
    ----------
    weights
        Whether the network's are among them; not if it is open already.

    Raises
    ------
    BatCountryError
        If one is missing, empty, or may not be read; the message says what for it is.
    PolicyError
        If one is not in a folder that the policy allows, or too large for it.
    """
    for what, name in (("guide", recipe.guide), ("mask", recipe.mask)):
        _check(name, f"the {what} cannot be used", policy)
    for name in objective.files if objective else ():
        _check(name, "the objective cannot be used", policy)
    if weights and recipe.weights:
        check_plain(policy.check_file(recipe.weights), most=MAX_WEIGHTS, error=ModelError)


def _check(name: str | None, what: str, policy: Policy) -> None:
    if name is None or name.startswith("sha256:"):  # of a picture that was no file; whoever opens it says so
        return
    try:
        check_readable(name, policy)
        if address_of(name) is None:
            _check_pixels(name, policy)
    except BatCountryError as error:
        raise type(error)(f"{what}: {error}") from None


def _check_pixels(name: str, policy: Policy) -> None:
    """Raise `PolicyError` for a file that is a picture with more pixels than the policy allows, as its header says."""
    if policy.max_pixels is None:
        return
    try:
        size = picture_size(name)
    except (PictureError, MissingExtra):  # a film, or numbers; or it is said by whoever opens it
        return
    policy.check_pixels(size, name)
