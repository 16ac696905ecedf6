"""What a score is made of, for printing and plotting."""

from __future__ import annotations

import math
from copy import copy

from torch import Tensor

from batcountry.errors import RecipeError
from batcountry.models.model import Model
from batcountry.objectives.base import Activations, Objective, added_up


class Breakdown:
    """Scores pictures as an objective does, and remembers each term's share.

    Attributes
    ----------
    values
        What each term, by its text, last came to, before its weight: the mean of the pictures.
    """

    def __init__(self, model: Model, objective: Objective) -> None:
        self._scorers = objective.scorers(model)
        self.values: dict[str, float] = {}

    def fresh(self) -> Breakdown:
        """Return another one of the same terms, which remembers values of its own; for a dream beside others."""
        other = copy(self)
        other.values = {}
        return other

    def __call__(self, activations: Activations) -> Tensor:
        """Return the score of all pictures together, a tensor without axes; raises `RecipeError` if that is not finite."""
        shares = []
        for weight, term, scorer in self._scorers:
            scores = scorer(activations)
            share = added_up(scores)
            self.values[str(term)] = value = float(share.detach()) / len(scores)
            if not math.isfinite(weight * value):
                said = Objective(((weight, term),))
                raise RecipeError(
                    f"the term {said} of the objective comes to {weight * value:g}, which is not finite; "
                    "make its weight smaller, or leave it out"
                )
            shares.append(weight * share)
        return sum(shares[1:], shares[0])
