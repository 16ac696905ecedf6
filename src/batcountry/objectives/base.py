"""What an objective is, and its arithmetic."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor

from batcountry.errors import RecipeError

if TYPE_CHECKING:
    from batcountry.models.model import Model

Activations = Mapping[str, Tensor]
"""What a network's layers produced in this pass: layer name to tensor, (N, C, H, W) or (N, C)."""

Scorer = Callable[[Activations], Tensor]
"""A score of activations: a tensor without axes, higher is better."""


@dataclass(frozen=True)
class Term:
    """One objective that is no sum.

    Attributes
    ----------
    name, arguments
        The call it prints as; terms with the same are equal.
    layers
        Names of the layers whose activations it reads.
    local
        Whether it reads one layer, and is the mean over that layer's places of something that depends
        on the activations at that place alone; only then can it be worked out tile by tile.
    bind
        Gives the scorer for a model; what has to be worked out once (a guide's features) is
        worked out here.
    """

    name: str
    arguments: tuple[str | int | float, ...]
    layers: tuple[str, ...] = field(compare=False)
    bind: Callable[[Model], Scorer] = field(compare=False, repr=False)
    local: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(json.dumps(each, ensure_ascii=False) for each in self.arguments)})"


@dataclass(frozen=True)
class Objective:
    """A weighted sum of terms, immutable, higher is better.

    `a + b`, `a - b`, `-a` and `2 * a` make new ones; equal terms are not merged, so the text is
    what was written.
    """

    terms: tuple[tuple[float, Term], ...]

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of all layers it reads, each once, in the order they are named."""
        return tuple(dict.fromkeys(name for _, term in self.terms for name in term.layers))

    def bind(self, model: Model) -> Scorer:
        """Return the scorer for `model`.

        Raises
        ------
        LayerNotFound
            If the model lacks one of the layers.
        RecipeError
            If a channel does not exist, or a guide cannot be used.
        """
        scorers = self.scorers(model)

        def score(activations: Activations) -> Tensor:
            first, *rest = [weight * scorer(activations) for weight, _, scorer in scorers]
            return sum(rest, first)

        return score

    def scorers(self, model: Model) -> list[tuple[float, Term, Scorer]]:
        """Return each term with its weight and its scorer for `model`; raises what `bind` raises."""
        for name in self.layers:
            model.layer(name)
        return [(weight, term, term.bind(model)) for weight, term in self.terms]

    def __add__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            return NotImplemented
        return Objective(self.terms + other.terms)

    def __sub__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            return NotImplemented
        return self + -other

    def __mul__(self, factor: float) -> Objective:
        if not isinstance(factor, (int, float)):
            return NotImplemented
        if factor != factor or factor in (float("inf"), float("-inf")):
            raise RecipeError(f"an objective's weight must be a finite number, not {factor}")
        return Objective(tuple((weight * factor, term) for weight, term in self.terms))

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return self * -1

    def __str__(self) -> str:
        text = "".join(_printed(weight, term, first=i == 0) for i, (weight, term) in enumerate(self.terms))
        return text.strip()


def _printed(weight: float, term: Term, *, first: bool) -> str:
    sign = "-" if weight < 0 or str(weight) == "-0.0" else "" if first else "+"
    size = abs(weight)
    return f"{sign if first else f' {sign} '}{'' if size == 1 else f'{size!r}*'}{term}"


def objective(
    name: str,
    arguments: tuple[str | int | float, ...],
    layers: tuple[str, ...],
    bind: Callable[[Model], Scorer],
    *,
    local: bool = False,
) -> Objective:
    """Make an objective of one term; see `Term` for what the parts mean."""
    return Objective(((1.0, Term(name, arguments, layers, bind, local)),))
