"""What a parametrization is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor


class Param(Protocol):
    """Holds N pictures while they grow."""

    @property
    def tensors(self) -> Sequence[Tensor]:
        """What an optimizer moves, in place: leaves that need gradients, (N, …) each."""
        ...

    def image(self) -> Tensor:
        """Return the pictures, (N, 3, H, W), RGB in gray levels, differentiable in `tensors`."""
        ...

    def constrain(self, clip: bool) -> None:
        """Bring the tensors back to where they may be, after a step; with `clip`, colors within 0 to 255."""
        ...


@runtime_checkable
class Puttable(Protocol):
    """A parametrization that can go on from other pictures, in the tensors that it has."""

    def put(self, image: Tensor) -> None:
        """Hold other pictures of the same shape from now on, as if it were made from them."""
        ...


MakeParam = Callable[[Tensor], Param]
"""Makes a parametrization that holds pictures, (N, 3, H, W), RGB in gray levels."""
