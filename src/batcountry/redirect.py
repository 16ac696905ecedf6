"""Redirected ReLU: gradient for units that are dead, while it would otherwise be lost.

A ReLU passes no gradient to units below zero. From noise, all units of a channel may be, and then nothing tells
the picture where to go. Within `redirected_relu`, a ReLU whose whole layer would pass nothing on passes what
raises its units instead (lucid, `redirected_relu_grad.py`: Olah, Mordvintsev, Schubert, "Feature Visualization", 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class _Redirected(torch.autograd.Function):
    """A clamp between 0 and `top` whose gradient goes on, where it would all be zero, to what pushes units back inside."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, top: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.top = top
        return x.clamp(0, top)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (x,), gradient = ctx.saved_tensors, gradients[0]
        usual = gradient * ((x > 0) & (x < ctx.top))
        # The gradient is that of a score to be raised, so a positive one raises a unit.
        inward = gradient * (((x <= 0) & (gradient > 0)) | ((x >= ctx.top) & (gradient < 0)))
        dead = usual.flatten(1).abs().amax(1) == 0
        return torch.where(dead.reshape(-1, *[1] * (x.ndim - 1)), usual + inward, usual), None


def _relu(x: Tensor, inplace: bool = False) -> Tensor:
    return _Redirected.apply(x, float("inf"))  # type: ignore[no-untyped-call]


def _relu6(x: Tensor, inplace: bool = False) -> Tensor:
    return _Redirected.apply(x, 6.0)  # type: ignore[no-untyped-call]


_REPLACED: dict[Any, Callable[..., Tensor]] = {
    **dict.fromkeys((torch.relu, torch.relu_, F.relu, F.relu_, Tensor.relu, Tensor.relu_), _relu),
    F.relu6: _relu6,
}


class _Mode(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return _REPLACED.get(func, func)(*args, **(kwargs or {}))


@contextmanager
def redirected_relu() -> Iterator[None]:
    """Have all ReLUs that run in this block redirect their gradients; outside of it nothing has changed.

    Works for ReLU and ReLU6, as modules or functions and also in place, of networks of all kinds, since it is PyTorch's
    own functions that are replaced for this thread. It is the forward pass that has to be in the block. Whether
    a layer is dead is asked of each picture as a whole, so this is not for tiles.
    """
    with _Mode():
        yield
