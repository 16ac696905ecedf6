"""Objectives of several differently transformed copies, views, of the pictures that grow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from batcountry.objectives.base import Activations, Objective, Scorer, Term

if TYPE_CHECKING:
    from batcountry.models.model import Model


def share_of_views(objective: Objective, pictures: int, views: int) -> Objective:
    """Return what each view of the pictures adds to the mean score over all views, without the objective's constant.

    It scores a batch of any number of views, (views × pictures, …), one view's pictures after the other's. Each view is scored
    by itself, so terms of single pictures and those that compare pictures mean what they mean without views; and
    what batches give adds up, however the views are shared out among them.

    Parameters
    ----------
    pictures
        That grow together.
    views
        Of each picture, in all.
    """
    terms = tuple((weight / views, _by_view(term, pictures)) for weight, term in objective.terms)
    return Objective(terms)


def _by_view(term: Term, pictures: int) -> Term:
    """Return a term that scores as many pictures at a time."""

    def bind(model: Model) -> Scorer:
        score = term.bind(model)
        return lambda activations: torch.cat([_scored(score, each) for each in _split(activations, pictures)])

    find: Callable[[Model], Term] | None = None
    if term.find is not None:
        known = term.find
        find = lambda model: _by_view(known(model), pictures)  # noqa: E731
    return replace(term, bind=bind, find=find)


def _scored(score: Scorer, activations: Activations) -> Tensor:
    scores = score(activations)
    return scores if scores.ndim else scores[None]  # one number for all pictures of a view


def _split(activations: Activations, pictures: int) -> list[dict[str, Tensor]]:
    """Return what there is to score of each view; what all share, such as one mask, is that of each."""
    count = max(map(len, activations.values())) // pictures
    parts = {
        name: [values] * count
        if name.startswith("@") and len(values) < count * pictures
        else torch.split(values, pictures)
        for name, values in activations.items()
    }
    return [{name: views[at] for name, views in parts.items()} for at in range(count)]
