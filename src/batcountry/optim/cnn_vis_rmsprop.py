"""RMSProp as cnn-vis has it: what keeps its steps bounded is under the root, so that tiny gradients make tiny steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from batcountry.optim.finite import check_size
from batcountry.optim.schedule import Schedule

_EPSILON = 1e-8


class CnnVisRmsprop:
    """Steps along gradient / sqrt(mean of its squares + 1e-8), of which the mean forgets the past (Johnson, cnn-vis, 2015).

    PyTorch's has its 1e-8 beside the root: with a decay of 0.95 the first step is 4.47 times as long as its size says, whatever
    the gradient. Here one of 1e-5 makes it a tenth of that size.

    Parameters
    ----------
    tensors
        (N, …) each, which are moved in place.
    decay
        How much of the mean of squares is kept in a step.
    places
        How many places the score is the mean of; cnn-vis's is the sum, of whose gradient the 1e-8 is to be told.
    """

    def __init__(
        self, tensors: Sequence[Tensor], schedule: Schedule, decay: float, places: float = 1.0
    ) -> None:
        self._tensors, self.schedule, self._decay, self._places = tensors, schedule, decay, places
        self._squares = [torch.zeros_like(tensor, requires_grad=False) for tensor in tensors]
        self._steps = 0

    def update(self, gradients: Sequence[Tensor]) -> None:
        """See `batcountry.optim.optimizer.Optimizer`."""
        step_size = self.schedule.at(self._steps)
        self._steps += 1
        with torch.no_grad():
            for tensor, of_sum, rate in self._rates(gradients):
                tensor.addcmul_(of_sum, rate, value=step_size)

    def move(self, gradients: Sequence[Tensor], step_size: Tensor) -> None:
        """See `batcountry.optim.optimizer.Foreseeable`."""
        with torch.no_grad():
            for tensor, of_sum, rate in self._rates(gradients):
                tensor.addcmul_(of_sum, rate.mul_(step_size))

    def restart(self, steps: int = 0) -> None:
        """See `batcountry.optim.optimizer.Foreseeable`."""
        self._steps = steps
        for squares in self._squares:
            squares.zero_()

    def _rates(self, gradients: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Take note of the gradients; yield each tensor, the gradient of the sum, and what that is multiplied by."""
        for tensor, squares, gradient in zip(self._tensors, self._squares, gradients, strict=True):
            of_sum = gradient * self._places
            check_size(torch.linalg.vector_norm(of_sum))
            squares.mul_(self._decay).addcmul_(of_sum, of_sum, value=1 - self._decay)
            yield tensor, of_sum, (squares + _EPSILON).rsqrt_()

    def state(self) -> dict[str, Tensor]:
        """See `batcountry.optim.optimizer.Storable`."""
        squares = {f"{index}.squares": each for index, each in enumerate(self._squares)}
        return {"steps": torch.tensor(self._steps), **squares}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """See `batcountry.optim.optimizer.Storable`; raises `KeyError` or `RuntimeError` for what is another's."""
        self._steps = int(state["steps"])
        for index, squares in enumerate(self._squares):
            squares.copy_(state[f"{index}.squares"].reshape(squares.shape))
