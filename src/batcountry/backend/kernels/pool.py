"""Pooling as Caffe does it."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.kernels.card import launches
from batcountry.backend.kernels.dispatch import channels_last, is_card, kind, loops, on_card

Pair = tuple[int, int]

_PLACES = 254


class Windows(NamedTuple):
    """The windows that (N, C, H, W) is pooled over.

    Attributes
    ----------
    kernel, stride, pad
        Rows and columns.
    ceil
        Whether a last window may hang over the edge; it does not start beyond the far padding's first row.
    relu
        Whether maxima are those of `relu(x)`, and none of their gradient goes to what is not above 0.
    """

    kernel: Pair
    stride: Pair
    pad: Pair
    ceil: bool
    relu: bool = False

    @property
    def loops(self) -> bool:
        """Whether they are small enough for loops to tell their places apart."""
        return self.kernel[0] * self.kernel[1] <= _PLACES

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maxima of a tensor that `kind` or `on_card` knows, and where in its window each was, 255 for nowhere."""
        size, settings = self._settings(x.shape)
        if is_card(x):
            return launches.pool(x, size, self._sides, self.relu)
        shape = (*x.shape[:2], *size)
        y = torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)
        places = torch.empty_like(y, dtype=torch.uint8)
        rows = x.shape[0] * size[0]
        addresses = x.data_ptr(), y.data_ptr(), places.data_ptr()
        found = loops("pool").above_zero if self.relu else loops("pool").forward
        found[kind(x)](rows, *addresses, *settings)
        return y, places

    def backward(self, grad: Tensor, places: Tensor, shape: torch.Size) -> Tensor:
        """Return the gradient of the input of some shape from the maxima's."""
        _, settings = self._settings(shape)
        grad = channels_last(grad)
        if is_card(grad):
            return launches.pool_gradient(grad, places, (shape[2], shape[3]), self._sides)
        found = torch.empty(shape, dtype=grad.dtype, memory_format=torch.channels_last)
        addresses = found.data_ptr(), grad.data_ptr(), places.data_ptr()
        loops("pool").backward[kind(grad)](shape[0] * shape[2], *addresses, *settings)
        return found

    def _settings(self, shape: torch.Size) -> tuple[Pair, tuple[int, ...]]:
        channels, *size = shape[1:]
        sides = zip(size, self.kernel, self.stride, self.pad, strict=True)
        up, across = (_windows(*side, self.ceil) for side in sides)
        if min(up, across) < 1:
            raise RuntimeError(f"windows of {self.kernel} do not fit into {tuple(size)}")
        return (up, across), (*size, channels, up, across, *self._sides)

    @property
    def _sides(self) -> tuple[int, ...]:
        return (*self.kernel, *self.stride, *self.pad)


def max_pool(x: Tensor, windows: Windows) -> Tensor:
    """Return the largest value of each window of (N, C, H, W).

    Of equal values the first in row order takes the whole gradient, and NaN is larger than any.
    Several times as fast on channels-last tensors, where the gradient needs one byte for each window.
    """
    if windows.loops and (on_card(x) or kind(x)):
        return _MaxPool.apply(x, windows)  # type: ignore[no-untyped-call]
    kernel, stride, pad, ceil, relu = windows
    x = F.relu(x) if relu else x
    if _fits(kernel, pad):
        return F.max_pool2d(x, kernel, stride, pad, ceil_mode=ceil)
    padded = F.pad(x, (pad[1], pad[1], pad[0], pad[0]), value=float("-inf"))
    return _cut(F.max_pool2d(padded, kernel, stride, ceil_mode=ceil), x, stride, pad)


def average_pool(x: Tensor, windows: Windows) -> Tensor:
    """Return the mean of each window of (N, C, H, W), where padding counts and overhang beyond it does not."""
    kernel, stride, pad, ceil, _ = windows
    if _fits(kernel, pad):
        return F.avg_pool2d(x, kernel, stride, pad, ceil_mode=ceil)
    padded = F.pad(x, (pad[1], pad[1], pad[0], pad[0]))
    return _cut(F.avg_pool2d(padded, kernel, stride, ceil_mode=ceil), x, stride, pad)


class _MaxPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, windows: Windows) -> Tensor:
        y, places = windows.forward(x)
        ctx.save_for_backward(places)
        ctx.windows, ctx.shape = windows, x.shape
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (places,) = ctx.saved_tensors
        return ctx.windows.backward(grad, places, ctx.shape), None


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
