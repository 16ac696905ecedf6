"""PyTorch's optimizers, uphill."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from batcountry.optim.finite import check_size
from batcountry.optim.optimizer import State
from batcountry.optim.schedule import Schedule


class TorchOptimizer:
    """One of PyTorch's optimizers, uphill."""

    def __init__(
        self, tensors: Sequence[Tensor], schedule: Schedule, optimizer: torch.optim.Optimizer
    ) -> None:
        self._tensors, self.schedule, self._optimizer = tensors, schedule, optimizer
        self._steps = 0

    def update(self, gradients: Sequence[Tensor]) -> None:
        """See `batcountry.optim.optimizer.Optimizer`."""
        step_size = self.schedule.at(self._steps)
        self._steps += 1
        self._move(gradients, step_size)

    def move(self, gradients: Sequence[Tensor], step_size: Tensor) -> None:
        """See `batcountry.optim.optimizer.Foreseeable`."""
        self._move(gradients, step_size)

    def restart(self, steps: int = 0) -> None:
        """See `batcountry.optim.optimizer.Foreseeable`."""
        self._steps = steps
        for facts in self._optimizer.state.values():
            for name, value in facts.items():
                facts[name] = value.zero_() if isinstance(value, Tensor) else type(value)(0)

    def _move(self, gradients: Sequence[Tensor], step_size: float | Tensor) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = step_size
        for tensor, gradient in zip(self._tensors, gradients, strict=True):
            check_size(torch.linalg.vector_norm(gradient))  # its square is what steps are divided by
            tensor.grad = gradient
        self._optimizer.step()
        for tensor in self._tensors:
            tensor.grad = None

    def state(self) -> State:
        """See `batcountry.optim.optimizer.Storable`."""
        return {"steps": torch.tensor(self._steps), **torch_state(self._optimizer)}

    def load(self, state: State) -> None:
        """See `batcountry.optim.optimizer.Storable`."""
        self._steps = int(state["steps"])
        load_torch_state(self._optimizer, state)


def torch_state(optimizer: torch.optim.Optimizer) -> State:
    """Return what one of PyTorch's optimizers remembers of each tensor, by the tensor's number and the thing's name."""
    return {
        f"{index}.{name}": torch.as_tensor(value)
        for index, facts in optimizer.state_dict()["state"].items()
        for name, value in facts.items()
    }


def load_torch_state(optimizer: torch.optim.Optimizer, state: State) -> None:
    """Have one of PyTorch's optimizers go on from what `torch_state` returned, in the tensors that it has, if any.

    Raises
    ------
    ValueError, KeyError, RuntimeError
        If that is another's.
    """
    facts: dict[int, State] = {}
    for key, value in state.items():
        index, dot, name = key.partition(".")
        if dot:
            facts.setdefault(int(index), {})[name] = (
                value.clone()
            )  # or its steps would change what was stored
    count = sum(len(group["params"]) for group in optimizer.param_groups)
    if set(facts) != set(range(count)):
        raise ValueError(f"no state of {type(optimizer).__name__} for {count} tensors")
    held = optimizer.state_dict()["state"]
    if not held:
        optimizer.load_state_dict({**optimizer.state_dict(), "state": facts})
    for index, values in held.items():
        for name, value in values.items():
            value.copy_(facts[index][name])
