"""What a transform is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Size = tuple[int, int]
"""Height and width in pixels."""


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


@runtime_checkable
class Split(Protocol):
    """A transform whose random numbers can be drawn ahead, and which then is the same work in every step.

    Called as a `Transform` it does what is quickest on a processor, where numbers are at hand.
    """

    def __call__(self, pictures: Tensor, rng: Rng) -> Tensor:
        """Draw, and return pictures, (N, C, H, W), transformed."""
        ...

    def draw(self, rng: Rng, size: Size) -> Tensor:
        """Return what one step draws for pictures of a size, from the same rng in the same order: float32, on the CPU.

        Its shape depends on the size alone.
        """
        ...

    def apply(self, pictures: Tensor, drawn: Tensor) -> Tensor:
        """Return pictures, (N, C, H, W), transformed by what was drawn, which is on their device and not read from there.

        The size of what it gives depends on the pictures' alone.
        """
        ...
