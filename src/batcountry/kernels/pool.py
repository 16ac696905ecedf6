"""Pooling as Caffe does it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.kernels.compiled import channels_last, kind, loops

Pair = tuple[int, int]

_PLACES = 255


def max_pool(x: Tensor, kernel: Pair, stride: Pair, pad: Pair, ceil: bool) -> Tensor:
    """Return the largest value of each window of (N, C, H, W).

    Of equal values the first in row order takes the whole gradient, and NaN is larger than any. With
    `ceil` a last window may hang over the edge, but does not start beyond the far padding's first row.
    Several times as fast on channels-last tensors, where the gradient needs one byte for each window.
    """
    if kernel[0] * kernel[1] <= _PLACES and (name := kind(x)):
        return _MaxPool.apply(x, name, kernel, stride, pad, ceil)  # type: ignore[no-untyped-call]
    if _fits(kernel, pad):
        return F.max_pool2d(x, kernel, stride, pad, ceil_mode=ceil)
    padded = F.pad(x, (pad[1], pad[1], pad[0], pad[0]), value=float("-inf"))
    return _cut(F.max_pool2d(padded, kernel, stride, ceil_mode=ceil), x, stride, pad)


def average_pool(x: Tensor, kernel: Pair, stride: Pair, pad: Pair, ceil: bool) -> Tensor:
    """Return the mean of each window of (N, C, H, W), where padding counts and overhang beyond it does not."""
    if _fits(kernel, pad):
        return F.avg_pool2d(x, kernel, stride, pad, ceil_mode=ceil)
    padded = F.pad(x, (pad[1], pad[1], pad[0], pad[0]))
    return _cut(F.avg_pool2d(padded, kernel, stride, ceil_mode=ceil), x, stride, pad)


class _MaxPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, name: str, kernel: Pair, stride: Pair, pad: Pair, ceil: bool) -> Tensor:
        batch, channels, *size = x.shape
        up, across = (
            _windows(s, k, step, p, ceil) for s, k, step, p in zip(size, kernel, stride, pad, strict=True)
        )
        if min(up, across) < 1:
            raise RuntimeError(f"windows of {kernel} do not fit into {tuple(size)}")
        y = torch.empty((batch, channels, up, across), dtype=x.dtype, memory_format=torch.channels_last)
        places = torch.empty_like(y, dtype=torch.uint8)
        ctx.geometry = (*size, channels, up, across, *kernel, *stride, *pad)
        loops("pool").forward[name](batch * up, x.data_ptr(), y.data_ptr(), places.data_ptr(), *ctx.geometry)
        ctx.save_for_backward(places)
        ctx.name, ctx.shape = name, x.shape
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (places,) = ctx.saved_tensors
        grad = channels_last(grad)
        found = torch.empty(ctx.shape, dtype=grad.dtype, memory_format=torch.channels_last)
        rows = ctx.shape[0] * ctx.shape[2]
        loops("pool").backward[ctx.name](
            rows, found.data_ptr(), grad.data_ptr(), places.data_ptr(), *ctx.geometry
        )
        return found, None, None, None, None, None


def _windows(size: int, kernel: int, stride: int, pad: int, ceil: bool) -> int:
    """Return how many windows there are along an axis."""
    room = size + 2 * pad - kernel
    found = (-(-room // stride) if ceil else room // stride) + 1
    return found - 1 if (found - 1) * stride >= size + pad else found


def _fits(kernel: Pair, pad: Pair) -> bool:
    """Whether PyTorch pads so far by itself."""
    return all(2 * p <= k for p, k in zip(pad, kernel, strict=True))


def _cut(y: Tensor, x: Tensor, stride: Pair, pad: Pair) -> Tensor:
    """Leave out last windows that start at or beyond the picture's end plus its padding."""
    rows, columns = (min(y.shape[2 + i], -(-(x.shape[2 + i] + pad[i]) // stride[i])) for i in range(2))
    return y[:, :, :rows, :columns]
