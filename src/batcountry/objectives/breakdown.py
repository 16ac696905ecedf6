"""What a score is made of, for printing and plotting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, partial

import torch
from torch import Tensor

from batcountry.backend.checks import check
from batcountry.errors import RecipeError
from batcountry.models.model import Model
from batcountry.objectives.base import Activations, Objective, Term, added_up


class Terms(Mapping[str, float]):
    """What each term of an objective came to, by its text; they are read from where they are when one is asked for.

    Attributes
    ----------
    numbers
        The same as a tensor.
    """

    def __init__(self, names: tuple[str, ...], numbers: Tensor) -> None:
        self._names, self.numbers = names, numbers

    def kept(self) -> Terms:
        """Return the same, which stay as they are when the tensor changes."""
        return Terms(self._names, self.numbers.clone())

    @cached_property
    def _read(self) -> dict[str, float]:
        return dict(zip(self._names, self.numbers.tolist(), strict=True))

    def __getitem__(self, name: str) -> float:
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(self._names))

    def __len__(self) -> int:
        return len(set(self._names))

    def __repr__(self) -> str:
        return repr(self._read)


class Breakdown:
    """Scores pictures as an objective does, and remembers each term's share."""

    def __init__(self, model: Model, objective: Objective) -> None:
        self._scorers = objective.scorers(model)
        self._names = tuple(str(term) for _, term, _ in self._scorers)
        self._values: Tensor | None = None

    def fresh(self) -> Breakdown:
        """Return another one of the same terms, which remembers values of its own; for a dream beside others."""
        other = Breakdown.__new__(Breakdown)
        other._scorers, other._names, other._values = self._scorers, self._names, None
        return other

    @property
    def values(self) -> Mapping[str, float]:
        """What each term, by its text, last came to, before its weight: the mean of the pictures."""
        return {} if self._values is None else Terms(self._names, self._values.clone())

    def __call__(self, activations: Activations) -> Tensor:
        """Return the score of all pictures together, a tensor without axes.

        Raises
        ------
        RecipeError
            If that is not finite; see `batcountry.backend.checks.check`.
        """
        shares, values = [], []
        for weight, term, scorer in self._scorers:
            scores = scorer(activations)
            share = added_up(scores)
            value = share.detach() / len(scores)
            check(~torch.isfinite(weight * value), partial(_not_finite, weight, term), value)
            values.append(value)
            shares.append(weight * share)
        self._remember(torch.stack(values))
        return sum(shares[1:], shares[0])

    def _remember(self, values: Tensor) -> None:
        if self._values is None:
            self._values = values.clone()
        self._values.copy_(values)


def _not_finite(weight: float, term: Term, value: Tensor) -> RecipeError:
    return RecipeError(
        f"the term {Objective(((weight, term),))} of the objective comes to {weight * float(value):g}, which is not finite; "
        "make its weight smaller, or leave it out"
    )
