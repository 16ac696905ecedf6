"""Pooling as Caffe does it."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

Pair = tuple[int, int]


def max_pool(x: Tensor, kernel: Pair, stride: Pair, pad: Pair, ceil: bool) -> Tensor:
    """Return the largest value of each window of (N, C, H, W).

    Of equal values the first in row order takes the whole gradient. With `ceil` a last window
    may hang over the edge, but does not start beyond the far padding's first row. Several times
    as fast on channels-last tensors.
    """
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


def _fits(kernel: Pair, pad: Pair) -> bool:
    """Whether PyTorch pads so far by itself."""
    return all(2 * p <= k for p, k in zip(pad, kernel, strict=True))


def _cut(y: Tensor, x: Tensor, stride: Pair, pad: Pair) -> Tensor:
    """Leave out last windows that start at or beyond the picture's end plus its padding."""
    rows, columns = (min(y.shape[2 + i], -(-(x.shape[2 + i] + pad[i]) // stride[i])) for i in range(2))
    return y[:, :, :rows, :columns]
