"""Redirected ReLU: gradient for units that are dead, while it would otherwise be lost.

A ReLU passes no gradient to units below zero. From noise, all units of a channel may be, and then nothing tells
the picture where to go. Within `redirected_relu`, a ReLU whose whole layer would pass nothing on passes what
raises its units instead (lucid, `redirected_relu_grad.py`: Olah, Mordvintsev, Schubert, "Feature Visualization", 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import local
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class _Redirected(torch.autograd.Function):
    """A clamp whose gradient goes on, where it would all be zero, to what pushes units back inside."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bottom: float, top: float, inplace: bool) -> Tensor:
        ctx.save_for_backward(x <= bottom, x >= top)
        if not inplace:
            return x.clamp(bottom, top)
        ctx.mark_dirty(x)
        return x.clamp_(bottom, top)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (below, above), gradient = ctx.saved_tensors, gradients[0]
        usual = gradient * ~(below | above)
        # The gradient is that of a score to be raised, so a positive one raises a unit.
        inward = gradient * ((below & (gradient > 0)) | (above & (gradient < 0)))
        dead = usual.flatten(1).abs().amax(1) == 0
        found = torch.where(dead.reshape(-1, *[1] * (usual.ndim - 1)), inward, usual)
        return found, None, None, None


def _relu(input: Tensor, inplace: bool = False) -> Tensor:
    return _hardtanh(input, 0.0, float("inf"), inplace)


def _relu_in_place(input: Tensor) -> Tensor:
    return _relu(input, inplace=True)


def _relu6(input: Tensor, inplace: bool = False) -> Tensor:
    return _hardtanh(input, 0.0, 6.0, inplace)


def _hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    return _Redirected.apply(input, min_val, max_val, inplace)  # type: ignore[no-untyped-call]


def _hardtanh_in_place(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    return _hardtanh(input, min_val, max_val, inplace=True)


_REPLACED: dict[Any, Callable[..., Tensor]] = {
    **dict.fromkeys((torch.relu, F.relu, Tensor.relu), _relu),
    **dict.fromkeys((torch.relu_, Tensor.relu_), _relu_in_place),
    F.relu6: _relu6,
    F.hardtanh: _hardtanh,
    F.hardtanh_: _hardtanh_in_place,
}


class _Mode(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return _REPLACED.get(func, func)(*args, **(kwargs or {}))


_here = local()


def is_redirecting() -> bool:
    """Whether this thread is within `redirected_relu`; then no ReLU may be hidden in another operation."""
    return getattr(_here, "depth", 0) > 0


@contextmanager
def redirected_relu() -> Iterator[None]:
    """Have all ReLUs that run in this block redirect their gradients; outside of it nothing has changed.

    Works for ReLU, ReLU6 and hard tanh, as modules or functions and also in place, of networks of all
    kinds, since it is PyTorch's own functions that are replaced for this thread. It is the forward pass
    that has to be in the block. Whether a layer is dead is asked of each picture as a whole, so
    this is not for tiles.
    """
    _here.depth = getattr(_here, "depth", 0) + 1
    try:
        with _Mode():
            yield
    finally:
        _here.depth -= 1
