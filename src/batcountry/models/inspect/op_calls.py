"""Calls of PyTorch's own operations, and what their tensors see of the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from batcountry.backend.receptive_field import ReceptiveField


@dataclass(frozen=True)
class Seen:
    """What the units of a tensor see of the picture.

    Attributes
    ----------
    field
        Their receptive field.
    rows, columns
        The tensor's axes along which the picture's rows and columns lie.
    trail
        A hash of all operations, with their numbers, that led here.
    merged
        The lengths of all axes but the last before those were laid out as one, if they were; `rows` and `columns` are of then.
    """

    field: ReceptiveField
    rows: int
    columns: int
    trail: int = 0
    merged: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Constant:
    """A tensor that does not depend on the picture."""

    trail: int


State = Seen | Constant | None
"""Of one tensor; None if it depends on the picture in a way that is not known."""


@dataclass(frozen=True)
class Call:
    """One call of an operation.

    Attributes
    ----------
    args
        Its arguments by name, with defaults.
    inputs
        Those that depend on the picture, at least one, and what they see.
    constants
        Those tensors that do not.
    output
        The first tensor that it gives.
    """

    args: Mapping[str, Any]
    inputs: Sequence[tuple[Tensor, Seen]]
    constants: Sequence[Tensor]
    output: Tensor

    def only(self, *names: str) -> tuple[Tensor, Seen] | None:
        """Return the one input that depends on the picture, if it is the argument with one of these names."""
        ((x, seen), *more) = self.inputs
        named = names or ("input", "self")
        return None if more or all(x is not self.args.get(name) for name in named) else (x, seen)


Rule = Callable[[Call], "Seen | None"]
"""From a call to what its outputs see; None if that is unknown."""

_SIZES = frozenset(
    ("size", "output_size", "input_size", "dtype", "layout", "device", "pin_memory", "memory_format")
)
"""Names of arguments that may depend on the picture's size, or are no numbers."""


def numbers_of(args: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the arguments that are no tensors and must not depend on the picture's size, as text."""
    return tuple(
        f"{name}={value}"
        for name, value in args.items()
        if name not in _SIZES and not isinstance(value, Tensor) and not _has_tensors(value)
    )


def _has_tensors(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(isinstance(each, Tensor) for each in value)
