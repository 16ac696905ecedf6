"""Pooling, normalization, depthwise convolutions and windows as rows, on a graphics card; see `kernels.cu`."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from batcountry.backend.kernels.card import compiled

Pair = tuple[int, int]

_PIECE = 16  # bytes that a thread reads at once
_FOUR = 4  # channels that a thread makes of a convolution of each by itself
_HALF = 2  # of a window of five channels, for which normalization has a loop
_SPANS = {((3, 3), 1): 4, ((5, 5), 1): 4, ((3, 3), 2): 2, ((5, 5), 2): 2}
"""Columns that a thread makes of a convolution of each channel by itself, by window and stride."""


class Sliding(NamedTuple):
    """Windows over (N, C, H, W).

    Attributes
    ----------
    size
        Rows and columns of the picture.
    out
        Rows and columns of windows.
    kernel, stride, pad
        Rows and columns; `pad` is what lies before the first.
    """

    size: Pair
    out: Pair
    kernel: Pair
    stride: int
    pad: Pair

    def numbers(self, channels: int) -> tuple[int, ...]:
        """Return them as loops take them."""
        return (*self.size, channels, *self.out, *self.kernel, self.stride, *self.pad)


def like_picture(like: Tensor, channels: int, size: Pair, dtype: torch.dtype | None = None) -> Tensor:
    """Return an empty (N, C, H, W) beside a tensor, channels-last."""
    shape = (like.shape[0], channels, *size)
    return torch.empty(
        shape, dtype=dtype or like.dtype, device=like.device, memory_format=torch.channels_last
    )


def window_rows(x: Tensor, windows: Sliding, length: int, first: int, count: int) -> Tensor:
    """Return a row for each of some windows: its pixels, (count, length), with zeros after the last."""
    rows = torch.empty((count, length), dtype=x.dtype, device=x.device)
    size, channels = x.itemsize, x.shape[1]
    steps = (16, 8, 4, 2)
    piece = next(
        each
        for each in steps
        if channels * size % each == 0 and length * size % each == 0 and x.data_ptr() % each == 0
    )
    whole = (*windows.numbers(channels * size // piece), length * size // piece, first)
    given = compiled.numbers(count * length * size // _PIECE, whole)
    compiled.start(f"windows_{piece}", x, [x], [rows], given)
    return rows


def add_window_rows(rows: Tensor, windows: Sliding, length: int, into: Tensor, top: int, first: int) -> None:
    """Write what rows of windows add up to into rows of pixels from `top` on, `into`; `first` is the first row of windows."""
    channels, *size = into.shape[1:]
    here = windows._replace(size=(size[0], size[1]))
    given = compiled.numbers(into.numel(), (*here.numbers(channels), length, first, top))
    compiled.start("added_windows", into, [rows], [into], given)


def pool(x: Tensor, out: Pair, windows: tuple[int, ...], relu: bool) -> tuple[Tensor, Tensor]:
    """Return maxima of a channels-last tensor and where in its window each was, 255 for nowhere."""
    y = like_picture(x, x.shape[1], out)
    places = torch.empty_like(y, dtype=torch.uint8)
    lanes = _lanes(x)
    whole = (*x.shape[2:], x.shape[1], *out, *windows, int(relu))
    compiled.start(_named("pool", lanes), x, [x], [y, places], compiled.numbers(y.numel() // lanes, whole))
    return y, places


def pool_gradient(grad: Tensor, places: Tensor, size: Pair, windows: tuple[int, ...]) -> Tensor:
    """Return the gradient of what was pooled."""
    found = like_picture(grad, grad.shape[1], size)
    lanes = _lanes(grad, places)
    whole = (*size, grad.shape[1], *grad.shape[2:], *windows)
    given = compiled.numbers(found.numel() // lanes, whole)
    compiled.start(_named("pool_gradient", lanes), grad, [grad, places], [found], given)
    return found


def depthwise(
    x: Tensor, taps: Tensor, bias: Tensor | None, windows: Sliding, bounds: tuple[float, float]
) -> Tensor:
    """Return a convolution of each channel by itself; `taps` (rows, columns, C) and `bias` in float32."""
    y = like_picture(x, x.shape[1], windows.out)
    lanes, span, name = _lanes(x, piece=_FOUR * x.itemsize), 1, "depthwise"
    if lanes > 1 and (windows.kernel, windows.stride) in _SPANS:
        span, name = _SPANS[windows.kernel, windows.stride], f"depthwise_{windows.kernel[0]}_{windows.stride}"
    rows, columns = windows.out
    count = x.shape[0] * rows * -(-columns // span) * (x.shape[1] // lanes)
    given = compiled.numbers(count, windows.numbers(x.shape[1]), bounds)
    compiled.start(_named(name, lanes), x, [x, taps, bias], [y], given)
    return y


def depthwise_gradient(grad: Tensor, taps: Tensor, windows: Sliding) -> Tensor:
    """Return the gradient of its input."""
    found = like_picture(grad, grad.shape[1], windows.size)
    lanes = _lanes(grad)
    given = compiled.numbers(found.numel() // lanes, windows.numbers(grad.shape[1]))
    compiled.start(_named("depthwise_gradient", lanes), grad, [grad, taps], [found], given)
    return found


def lrn(x: Tensor, half: int, alpha: float, k: float) -> Tensor:
    """Return a channels-last tensor normalized across channels, for the exponent 3/4."""
    y = torch.empty_like(x)
    lanes = _lanes(x) if half == _HALF else 1
    given = compiled.numbers(x.numel() // lanes, (x.shape[1], half, 0), (alpha, k))
    compiled.start(_named("lrn", lanes), x, [x], [y], given)
    return y


def lrn_gradient(x: Tensor, grad: Tensor, half: int, alpha: float, k: float, relu: bool) -> Tensor:
    """Return the gradient of its input, with `relu` that of a ReLU before it too."""
    found = torch.empty_like(x)
    lanes = _lanes(x, grad) if half == _HALF else 1
    given = compiled.numbers(x.numel() // lanes, (x.shape[1], half, int(relu)), (alpha, k))
    compiled.start(_named("lrn_gradient", lanes), x, [x, grad], [found], given)
    return found


def _lanes(x: Tensor, *more: Tensor, piece: int = _PIECE) -> int:
    """Return how many channels a thread makes: as many as fill a piece, or one."""
    lanes = piece // x.itemsize
    fits = x.shape[1] % lanes == 0 and all(each.data_ptr() % piece == 0 for each in (x, *more))
    return lanes if fits else 1


def _named(name: str, lanes: int) -> str:
    return name if lanes > 1 else f"{name}_1"
