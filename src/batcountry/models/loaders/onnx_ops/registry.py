"""Operators by name, and what one of a file's nodes tells them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from batcountry.errors import ModelError

MOST_ELEMENTS = 1 << 26
"""Of one tensor that an operator makes larger than what it was given."""


@dataclass(frozen=True)
class Node:
    """What one node of a graph says.

    Attributes
    ----------
    attributes
        By name.
    opset
        Version of the operators.
    outputs
        How many it has.
    """

    attributes: Mapping[str, Any]
    opset: int
    outputs: int

    def __call__(self, name: str, default: Any = None) -> Any:
        """Return an attribute."""
        return self.attributes.get(name, default)


Operator = Callable[..., Any]
"""From a node and its inputs, of which some may be left out (None), to one tensor or several."""

OPERATORS: dict[str, Operator] = {}
"""Operators of ONNX's own domain."""


def operator(*names: str) -> Callable[[Operator], Operator]:
    """Register a function as what operators do."""

    def register(run: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, run))
        return run

    return register


def numbers(values: Tensor | Sequence[Any] | None) -> list[Any]:
    """Return an attribute or an input as plain numbers."""
    if values is None:
        return []
    return values.reshape(-1).tolist() if isinstance(values, Tensor) else list(values)


def bounded(shape: Sequence[int]) -> list[int]:
    """Return the shape of a tensor that is to be made; raises `ModelError` if that is far too large."""
    if prod(shape) > MOST_ELEMENTS:
        raise ModelError(f"an operator makes a tensor of {prod(shape)} elements, more than {MOST_ELEMENTS}")
    return [int(side) for side in shape]


DTYPES = {
    1: torch.float32,
    2: torch.uint8,
    3: torch.int8,
    5: torch.int16,
    6: torch.int32,
    7: torch.int64,
    9: torch.bool,
    10: torch.float32,  # half precision too is worked out in float32
    11: torch.float64,
    16: torch.float32,
}
"""PyTorch's types by the numbers of ONNX's."""
