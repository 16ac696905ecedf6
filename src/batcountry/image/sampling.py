"""Pictures sampled, resized and continued in ways whose gradient is the same each time, on devices that add in any order.

Where several new pixels are made of one, its gradient is a sum of theirs. On a graphics card PyTorch adds these up as
threads end, and what a sum is rounded to depends on its order. Here such sums are of whole numbers, which are the same in
any order, products with matrices, or sums of slices. Nothing is read from the device, and shapes stay as they are, so all
of it can be recorded as a graph. On a processor, which adds in one order, PyTorch's own ways are taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from math import ceil, log2
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.determinism import adds_in_order, adds_whole_numbers

Edge = Literal["replicate", "reflect"]
"""How a picture goes on beyond its edge: with its nearest pixel, or mirrored about it."""

Beyond = Literal["reflection", "border"]
"""The same for `sampled`; there the mirror stands on the outer edge of the last pixel, not on its middle."""

_SMALLEST = 2.0**-100  # of a gradient's largest size: what is smaller is as good as nothing


def sampled(pictures: Tensor, grid: Tensor, beyond: Beyond = "reflection") -> Tensor:
    """Return pictures, (N, C, H, W), sampled linearly at places, (N, h, w, 2), with no gradient on those.

    The pixels are those of PyTorch's `grid_sample` with `align_corners=False`. Each share of the gradient is rounded to
    a whole number of units: for a picture of a million pixels one is 2^-42 of what is largest in its gradient.
    """
    if adds_in_order(pictures.device) or not adds_whole_numbers(pictures.device):
        return F.grid_sample(pictures, grid.detach(), "bilinear", beyond, align_corners=False)
    return _Sampled.apply(pictures, grid.detach(), beyond)  # type: ignore[no-untyped-call]


class _Sampled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pictures: Tensor, grid: Tensor, beyond: Beyond) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.shape, ctx.beyond = pictures.shape, beyond
        return F.grid_sample(pictures, grid, "bilinear", beyond, align_corners=False)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (grid,) = ctx.saved_tensors
        corners = _corners(grid, ctx.shape[-2:], ctx.beyond)
        return spread(gradient, corners, ctx.shape[-2:]), None, None


def spread(gradient: Tensor, corners: list[tuple[Tensor, Tensor]], size: tuple[int, int]) -> Tensor:
    """Return the gradient on pictures of `size`, (N, C, H, W), of that on samples, (N, C, h, w), the same in any order.

    Parameters
    ----------
    corners
        Which pixel goes into each sample, (N, h, w), row by row, and its share of it, of that shape: 0 to 1, and
        those of one sample add up to 1.
    """
    high, wide = size
    # A power of two per picture, so that scaling rounds nothing. What is not finite stays so, in all of that picture.
    largest = gradient.abs().amax((1, 2, 3), keepdim=True).clamp(min=_SMALLEST)
    unit = largest / torch.frexp(largest).mantissa
    samples = gradient.shape[-2] * gradient.shape[-1]
    fine = 2.0 ** (62 - ceil(log2(max(2, samples))))  # so that the sum of all fits in 63 bits
    scaled = gradient / unit
    total = torch.zeros(*gradient.shape[:2], high * wide, dtype=torch.int64, device=gradient.device)
    for pixel, share in corners:
        whole = (scaled * share[:, None] * fine).round_().long()
        total.scatter_add_(-1, pixel.flatten(1)[:, None].expand(whole.flatten(2).shape), whole.flatten(2))
    return total.reshape(*gradient.shape[:2], high, wide).to(gradient.dtype) / fine * unit


def _corners(grid: Tensor, size: tuple[int, int], beyond: Beyond) -> list[tuple[Tensor, Tensor]]:
    """Return the four pixels that each place lies between; see `spread`."""
    rows, columns = (
        list(_neighbors(grid[..., axis], length, beyond)) for axis, length in ((1, size[0]), (0, size[1]))
    )
    return [
        (row * size[1] + column, high_share * wide_share)
        for row, high_share in rows
        for column, wide_share in columns
    ]


def _neighbors(at: Tensor, length: int, beyond: Beyond) -> Iterator[tuple[Tensor, Tensor]]:
    """Give the two pixels of an axis that places, from -1 to 1 between its outer edges, lie between, and their shares."""
    place = ((at + 1) * length - 1) / 2
    if beyond == "reflection":
        past = (place + 0.5).abs()
        turns, rest = (past / length).floor(), past.fmod(length)
        place = torch.where(turns % 2 == 0, rest, length - rest) - 0.5
    place = place.clamp(0, length - 1)
    low = place.floor()
    share = place - low
    yield low.long(), 1 - share
    yield (low + 1).clamp(max=length - 1).long(), share


def extended(pictures: Tensor, axis: int, pixels: int, edge: Edge) -> Tensor:
    """Return pictures that go on for so many pixels beyond either end of an axis, however many; differentiable."""
    if adds_in_order(pictures.device):
        length = pictures.shape[axis]
        at = torch.arange(-pixels, length + pixels, device=pictures.device)
        return pictures.index_select(
            axis, mirrored(at, length) if edge == "reflect" else at.clamp(0, length - 1)
        )
    return _of_slices(pictures, axis, pixels, edge)


def _of_slices(pictures: Tensor, axis: int, pixels: int, edge: Edge) -> Tensor:
    while pixels:
        length = pictures.shape[axis]
        ends = pictures.narrow(axis, 0, 1), pictures.narrow(axis, length - 1, 1)
        if edge == "replicate" or length == 1:
            shape = [*pictures.shape]
            shape[axis] = pixels
            before, after = (end.expand(shape) for end in ends)
            pixels = 0
        else:
            step = min(pixels, length - 1)  # a mirror image of mirror images is one of the picture
            before = pictures.narrow(axis, 1, step).flip(axis)
            after = pictures.narrow(axis, length - 1 - step, step).flip(axis)
            pixels -= step
        pictures = torch.cat([before, pictures, after], axis)
    return pictures


def resampled(pictures: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (N, C, H, W) linearly with antialiasing as PyTorch's `interpolate` does, but for rounding; differentiable."""
    if adds_in_order(pictures.device):
        return F.interpolate(pictures, size, mode="bilinear", antialias=True)
    new_high, new_wide = (torch.full((), float(length), device=pictures.device) for length in size)
    with _own_precision(pictures.device.type):
        down = resampling(pictures.shape[-2], new_high, size[0], pictures.dtype)
        across = resampling(pictures.shape[-1], new_wide, size[1], pictures.dtype)
        return down @ pictures @ across.T


def _own_precision(kind: str) -> AbstractContextManager[object]:
    """Keep autocast of a caller's from rounding products, on a kind of device that has it."""
    has_autocast = getattr(
        torch.amp, "is_autocast_available", lambda kind: kind in ("cpu", "cuda")
    )  # PyTorch 2.4
    return torch.autocast(kind, enabled=False) if has_autocast(kind) else nullcontext()


def resampling(length: int, new: Tensor, rows: int, dtype: torch.dtype) -> Tensor:
    """Return the weights, (rows, length), with which an axis is resized to `new` pixels, and mirrored from there on.

    They are those of PyTorch's linear interpolation with antialiasing.
    """
    ratio = length / new
    at = mirrored(torch.arange(rows, device=new.device), new)
    middle = (at + 0.5) * ratio
    reach = ratio.clamp(min=1)
    places = torch.arange(length, device=new.device) + 0.5
    weights = (1 - (places - middle[:, None]).abs() / reach).clamp(min=0)
    return (weights / weights.sum(1, keepdim=True)).to(dtype)


def mirrored(at: Tensor, length: int | Tensor) -> Tensor:
    """Return which pixel of an axis stands at places of it that may be beyond its ends, however far, if it is mirrored there.

    Parameters
    ----------
    length
        Of the axis; a tensor where it is not to be read.
    """
    turn = (2 * length - 2).clamp(min=1) if isinstance(length, Tensor) else max(2 * length - 2, 1)
    at = at.remainder(turn)
    return torch.minimum(at, turn - at)


def add_round(part: Tensor, total: Tensor, axis: int, pixels: range) -> None:
    """Add what lies on pixels of an axis, which may go round it several times, to the whole, in place.

    It is added turn by turn, so in the same order each time on any device.
    """
    length, start = total.shape[axis], pixels.start
    while start < pixels.stop:
        first = start % length
        count = min(length - first, pixels.stop - start)
        total.narrow(axis, first, count).add_(part.narrow(axis, start - pixels.start, count))
        start += count
