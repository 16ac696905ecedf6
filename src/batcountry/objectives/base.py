"""What an objective is, and its arithmetic."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

from torch import Tensor

from batcountry.errors import RecipeError
from batcountry.objectives.plain_numbers import finite, plain_number

if TYPE_CHECKING:
    from batcountry.models.model import Model

Activations = Mapping[str, Tensor]
"""What there is to score: layer name to tensor, (N, C, H, W) or (N, C), and the pictures beside them."""

Scorer = Callable[[Activations], Tensor]
"""A score of each picture, (N,), higher is better; or of each place, (N, H, W), of which the mean is taken."""

IMAGE = "@image"
"""Name of the picture itself, (N, C, H, W), RGB in gray levels, for objectives that read no layer."""

START = "@start"
"""Name of the picture that the dream began with, at this octave's size."""

OPACITY = "@opacity"
"""Name of the picture's opacity, (N, 1, H, W), 0 to 1, among what terms of the image read if it has one of its own."""

STEP = "@step"
"""Name of how many steps the octave has made, a tensor of one number where the image is, among what terms of it read."""

Argument = Any
"""Of a term: a text, a number, None, an objective, or a list of them."""


@dataclass(frozen=True)
class Term:
    """One objective that is no sum.

    A term reads either layers or the image. A term of layers sees what the network sees: the picture
    after jitter and other transforms, and the pictures beside it transformed alike. A term of
    the image, whose `layers` are empty, sees the picture (`IMAGE`) as it is.

    Attributes
    ----------
    name, arguments
        The call it prints as; terms with the same are equal.
    layers
        Names of the layers whose activations it reads; none for a term of the image.
    bind
        Gives the scorer for a model; what has to be worked out once (a guide's features) is
        worked out here.
    local
        Whether it reads one layer, and its scores, (N, H, W), are of that layer's places, each
        depending on the activations at that place alone; only then can it be worked out tile by tile.
    aux_inputs
        Pictures that it reads too, by name: `START` or `OPACITY` (with None), or a mask.
    files
        Names of the files that are opened for it.
    find
        For a term that does not know yet what it reads: gives the one that does, for a model; see `Objective.resolved`.
    least_pictures
        How many pictures it needs: 2 for one that compares the pictures of a batch.
    """

    name: str
    arguments: tuple[Argument, ...]
    layers: tuple[str, ...] = field(compare=False)
    bind: Callable[[Model], Scorer] = field(compare=False, repr=False)
    local: bool = field(default=False, compare=False)
    aux_inputs: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    files: tuple[str, ...] = field(default=(), compare=False, repr=False)
    find: Callable[[Model], Term] | None = field(default=None, compare=False, repr=False)
    least_pictures: int = field(default=1, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Take NumPy's and PyTorch's numbers among the arguments as Python's, which can be written down."""
        object.__setattr__(self, "arguments", tuple(map(plain_number, self.arguments)))

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(_written, self.arguments))})"


@dataclass(frozen=True)
class Objective:
    """A weighted sum of terms, immutable, higher is better.

    `a + b`, `a - b`, `-a`, `2 * a`, `a / 2`, `a + 1` and `sum([a, b])` make new ones; equal terms are not merged,
    so the text is what was written.

    Attributes
    ----------
    terms
        Weights and terms.
    constant
        A number that is added to the score of all pictures together; no picture depends on it.
    """

    terms: tuple[tuple[float, Term], ...]
    constant: float = 0.0

    __array_ufunc__ = None  # so that NumPy's numbers leave arithmetic to this class

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of all layers it reads, each once, in the order they are named.

        Raises `RecipeError` where that is not known before the objective is `resolved`.
        """
        for _, term in self.terms:
            if term.find is not None:
                raise RecipeError(f"what {term} reads depends on the network; resolve the objective first")
        return tuple(dict.fromkeys(name for _, term in self.terms for name in term.layers))

    @property
    def aux_inputs(self) -> dict[str, Any]:
        """The pictures that it reads beside layers and image, by name."""
        return {key: source for _, term in self.terms for key, source in term.aux_inputs.items()}

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files that are opened for it, each once."""
        return tuple(dict.fromkeys(name for _, term in self.terms for name in term.files))

    @property
    def name(self) -> str:
        """The names of its terms, with commas between."""
        return ", ".join(term.name for _, term in self.terms)

    @property
    def description(self) -> str:
        """Its text; lucid's and lucent's name for it."""
        return str(self)

    @property
    def least_pictures(self) -> int:
        """How many pictures have to grow at once, as terms of it compare them: 1 or 2."""
        return max((term.least_pictures for _, term in self.terms), default=1)

    def with_terms(self, terms: Iterable[tuple[float, Term]]) -> Objective:
        """Return an objective of other weights and terms, with this one's constant."""
        return replace(self, terms=tuple(terms))

    @property
    def of_layers(self) -> Objective:
        """The part of it that reads the network's layers, with the constant."""
        return self.with_terms((weight, term) for weight, term in self.terms if term.layers or term.find)

    @property
    def of_image(self) -> Objective:
        """The part of it that reads the image itself: what keeps a picture natural."""
        return Objective(
            tuple((weight, term) for weight, term in self.terms if not term.layers and not term.find)
        )

    def resolved(self, model: Model) -> Objective:
        """Return it with all that its terms read known, which for functions is found by running them once.

        Raises
        ------
        RecipeError
            If a function cannot be an objective; the message says why.
        """
        return self.with_terms(
            (weight, term.find(model) if term.find else term) for weight, term in self.terms
        )

    def bind(self, model: Model) -> Scorer:
        """Return the function from activations to the score of all pictures together, a tensor without axes.

        Raises
        ------
        LayerNotFound
            If the model lacks one of the layers.
        RecipeError
            If a channel does not exist, or a guide cannot be used.
        """
        scorers = self.scorers(model)

        def score(activations: Activations) -> Tensor:
            first, *rest = [weight * added_up(scorer(activations)) for weight, _, scorer in scorers]
            return sum(rest, first) + self.constant

        return score

    def scorers(self, model: Model) -> list[tuple[float, Term, Scorer]]:
        """Return each term with its weight and its scorer for `model`; raises what `bind` raises."""
        known = self.resolved(model)
        for name in known.layers:
            model.layer(name)
        return [(weight, term, term.bind(model)) for weight, term in known.terms]

    def __bool__(self) -> bool:
        """Whether it has any terms."""
        return bool(self.terms)

    def __add__(self, other: Objective | float) -> Objective:
        other = plain_number(other)
        if isinstance(other, Objective):
            return Objective(self.terms + other.terms, self.constant + other.constant)
        if isinstance(other, Real):
            return replace(self, constant=self.constant + finite(other, "what is added to an objective"))
        return NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Objective | float) -> Objective:
        other = plain_number(other)
        return self + -other if isinstance(other, (Objective, Real)) else NotImplemented

    def __rsub__(self, other: float) -> Objective:
        return -self + other

    def __mul__(self, factor: float) -> Objective:
        factor = plain_number(factor)
        if not isinstance(factor, Real):
            return NotImplemented
        by = finite(factor, "an objective's weight")
        return Objective(
            tuple((finite(weight * by, "an objective's weight"), term) for weight, term in self.terms),
            finite(self.constant * by, "what is added to an objective"),
        )

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Objective:
        divisor = plain_number(divisor)
        if not isinstance(divisor, Real):
            return NotImplemented
        if divisor == 0:
            raise RecipeError("an objective cannot be divided by 0")
        return self * (1 / divisor)

    def __neg__(self) -> Objective:
        return self * -1

    @staticmethod
    def sum(objectives: list[Objective]) -> Objective:
        """Make more of several objectives: their sum, as `sum([a, b])` in Python and in text."""
        if not objectives:
            raise RecipeError("a sum is of at least one objective")
        first, *rest = objectives
        return sum(rest, first)

    def __str__(self) -> str:
        text = "".join(_printed(weight, term, first=i == 0) for i, (weight, term) in enumerate(self.terms))
        return text + (
            f" {'-' if self.constant < 0 else '+'} {abs(self.constant)!r}" if self.constant else ""
        )


def added_up(scores: Tensor) -> Tensor:
    """Return what a scorer gives as one number: each picture's mean over its places, summed over the batch."""
    return (scores.flatten(1).mean(1) if scores.ndim > 1 else scores).sum()


def _printed(weight: float, term: Term, *, first: bool) -> str:
    sign = "-" if weight < 0 or str(weight) == "-0.0" else "" if first else "+"
    size = abs(weight)
    return f"{sign if first else f' {sign} '}{'' if size == 1 else f'{size!r}*'}{term}"


def _written(argument: Argument) -> str:
    if isinstance(argument, (list, tuple)):
        return f"[{', '.join(map(_written, argument))}]"
    if argument is None or isinstance(argument, (bool, Objective)):
        return str(argument)
    return json.dumps(argument, ensure_ascii=False)


def objective(
    name: str,
    arguments: tuple[Argument, ...],
    layers: tuple[str, ...],
    bind: Callable[[Model], Scorer],
    *,
    local: bool = False,
    aux_inputs: Mapping[str, Any] | None = None,
    files: tuple[str, ...] = (),
) -> Objective:
    """Make an objective of one term; see `Term` for what the parts mean."""
    return Objective(((1.0, Term(name, arguments, layers, bind, local, aux_inputs or {}, files)),))
