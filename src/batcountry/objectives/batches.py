"""Objectives for several pictures that grow at once, each towards its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from torch import Tensor

from batcountry.errors import RecipeError
from batcountry.objectives.base import Activations, Objective, Scorer, Term
from batcountry.objectives.layers import layer

if TYPE_CHECKING:
    from batcountry.models.model import Model

_NAME = "for_picture"


def for_picture(index: int, objective: Objective) -> Objective:
    """Score one of the pictures that grow at once, and leave the others alone.

    Parameters
    ----------
    index
        Counted from 0. Scoring raises `RecipeError` if there are not so many pictures.
    """
    if index < 0:
        raise RecipeError("pictures are counted from 0")
    if any(term.name == _NAME for _, term in objective.terms):
        raise RecipeError("an objective for one picture has no other such objective within")
    for _, term in objective.terms:
        if term.least_pictures > 1:
            raise RecipeError(
                f"{term} compares pictures, so it cannot be of one alone; write it beside what is for one picture"
            )
    return objective.with_terms((weight, _only(index, term)) for weight, term in objective.terms)


def each(objectives: list[Objective]) -> Objective:
    """Make as many pictures as there are objectives, the first towards the first, and so on.

    What a picture becomes does not depend on the others, since optimizers treat each by itself.
    """
    if not objectives:
        raise RecipeError("each takes at least one objective")
    return Objective.sum([for_picture(index, aim) for index, aim in enumerate(objectives)])


def one_of(batch: int | None, objective: Objective) -> Objective:
    """Return an objective of one picture, as `for_picture`, or with None that of all: lucid's argument `batch`."""
    return objective if batch is None else for_picture(batch, objective)


def pictures_of(objective: Objective) -> int:
    """Return how many pictures an objective is for: 1, or as many as `for_picture` tells apart."""
    return max((1 + term.arguments[0] for _, term in objective.terms if term.name == _NAME), default=1)


def check_count(objective: Objective, count: int) -> None:
    """Raise `RecipeError` if an objective compares pictures, and so many grow at once."""
    for _, term in objective.terms:
        if count < term.least_pictures:
            raise RecipeError(
                f"{term} compares the pictures of a batch, and here is only one; leave it out, or give several "
                "pictures of one size that grow at once"
            )


def of_single(objective: Objective) -> Objective:
    """Return an objective of one picture that reads the same layers: terms that compare pictures are replaced."""
    shares: list[tuple[float, Term]] = []
    for weight, term in objective.terms:
        if term.least_pictures == 1:
            shares.append((weight, term))
        else:
            shares += [(weight, share) for name in term.layers for _, share in layer(name).terms]
    return objective.with_terms(shares)


def _only(index: int, term: Term) -> Term:
    def bind(model: Model) -> Scorer:
        score = term.bind(model)
        return lambda activations: score(of_one(activations, index))

    arguments = (index, Objective(((1.0, term),)))
    find = None if term.find is None else _finding(index, term.find)
    return replace(term, name=_NAME, arguments=arguments, bind=bind, find=find)


def _finding(index: int, find: Callable[[Model], Term]) -> Callable[[Model], Term]:
    return lambda model: _only(index, find(model))


def of_one(activations: Activations, index: int) -> dict[str, Tensor]:
    """Return what there is to score of one picture; what all share, such as a mask, is that of each."""
    own = {}
    for name, values in activations.items():
        if name.startswith("@") and len(values) == 1:
            own[name] = values
        elif index < len(values):
            own[name] = values[index : index + 1]
        else:
            raise RecipeError(f"there is no picture {index}; there are {len(values)}, counted from 0")
    return own
