"""What a transform is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


class Rng(Protocol):
    """Where random numbers come from: a `numpy.random.RandomState`, or `numpy.random` itself."""

    def randint(self, low: int, high: int, size: int) -> NDArray[np.int_]:
        """Return `size` whole numbers from `low` up to but not including `high`."""
        ...

    def uniform(self, low: float, high: float, size: int) -> NDArray[np.float64]:
        """Return `size` numbers from `low` to `high`."""
        ...


Transform = Callable[[Tensor, Rng], Tensor]
"""From pictures, (N, C, H, W), and an rng, to pictures that may be of another height and width."""


@runtime_checkable
class OfChannels(Protocol):
    """A transform that treats the picture otherwise than what is beside it, which are further channels."""

    def of_channels(self, channels: int) -> Transform:
        """Return the same transform for pictures of so many channels."""
        ...
