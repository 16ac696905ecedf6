"""What an optimizer is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

from batcountry.optim.schedule import Schedule

State = dict[str, Tensor]
"""What a step depends on beside its picture, by name, so that it can be stored."""


class Optimizer(Protocol):
    """Moves tensors uphill, in place."""

    def update(self, gradients: Sequence[Tensor]) -> None:
        """Make one step along the gradient of the score on each tensor."""
        ...


@runtime_checkable
class Storable(Protocol):
    """An optimizer whose state can be stored, and taken up by another one that was made alike."""

    def state(self) -> State:
        """Return what the next step depends on; the tensors may be changed by that step."""
        ...

    def load(self, state: State) -> None:
        """Go on from what `state` returned."""
        ...


@runtime_checkable
class Foreseeable(Storable, Protocol):
    """An optimizer whose steps are the same work each time, once the sizes of those to come are known."""

    @property
    def schedule(self) -> Schedule:
        """How long its steps are."""
        ...

    def move(self, gradients: Sequence[Tensor], step_size: Tensor) -> None:
        """Make one step as `update` does, of a size on the tensors' device, which is not read, nor is anything else."""
        ...

    def restart(self, steps: int = 0) -> None:
        """Forget all but how many steps were made, so that what it holds is as at the beginning, and where it was."""
        ...
