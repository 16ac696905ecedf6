"""Convolutions on a graphics card as matrix products: windows as rows, times weights.

cuDNN makes a plan for each convolution and each shape, which takes it tens of milliseconds; GoogLeNet in four octaves has
hundreds. A matrix product needs none. Windows of one pixel are rows as they lie; others are copied out first, which costs
less than the product on cards whose memory is as quick as theirs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.kernels.card import launches
from batcountry.backend.kernels.card.launches import Sliding

_EIGHT = 8
"""Numbers: products are quickest on rows that are multiples of so many."""

_MOST = 256 << 20
"""Bytes of rows that are copied out at once."""


class Filter(Protocol):
    """What `batcountry.backend.kernels.onednn_conv.Filter` says of a convolution."""

    @property
    def weight(self) -> Tensor: ...  # noqa: D102
    @property
    def bias(self) -> Tensor | None: ...  # noqa: D102
    @property
    def stride(self) -> int: ...  # noqa: D102
    @property
    def pad(self) -> tuple[int, int]: ...  # noqa: D102
    @property
    def kernel(self) -> tuple[int, int]: ...  # noqa: D102
    @property
    def pointwise(self) -> bool: ...  # noqa: D102
    @property
    def limit(self) -> float | None: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class Product:
    """A filter without groups as a matrix product, both ways."""

    filter: Filter

    @cached_property
    def weight(self) -> Tensor:
        """The weights, (O, length), as rows of windows lie, with zeros after the last."""
        weight = self.filter.weight
        rows = weight.permute(0, 2, 3, 1).reshape(weight.shape[0], -1)
        return F.pad(rows, (0, -rows.shape[1] % _EIGHT)).contiguous()

    @property
    def length(self) -> int:
        """Numbers of a window's row."""
        return self.weight.shape[1]

    @property
    def _is_rows(self) -> bool:
        return self.filter.pointwise and self.length == self.filter.weight.shape[1]

    def windows(self, shape: torch.Size) -> Sliding:
        """Return the windows over a picture of some shape; raises RuntimeError if there are none."""
        kernel, stride, pad = self.filter.kernel, self.filter.stride, self.filter.pad
        rows, columns = (
            (side + 2 * before - window) // stride + 1
            for side, before, window in zip(shape[2:], pad, kernel, strict=True)
        )
        if min(rows, columns) < 1:
            raise RuntimeError(f"a kernel of {kernel} does not fit into {tuple(shape[2:])}")
        return Sliding((shape[2], shape[3]), (rows, columns), kernel, stride, pad)

    def forward(self, x: Tensor, total: Tensor | None = None) -> Tensor:
        """Return the result for a channels-last (N, C, H, W); with `total` it is added to that, in place."""
        windows = self.windows(x.shape)
        rows = self._times(_rows(x), total) if self._is_rows else self._in_strips(x, windows, total)
        return total if total is not None else _picture(rows, x.shape[0], windows.out)

    def _in_strips(self, x: Tensor, windows: Sliding, total: Tensor | None) -> Tensor:
        count = x.shape[0] * math.prod(windows.out)
        strip = max(1, _MOST // (self.length * x.itemsize))
        if count <= strip:
            return self._times(launches.window_rows(x, windows, self.length, 0, count), total)
        out = x.new_empty((count, self.weight.shape[0])) if total is None else _rows(total)
        for first in range(0, count, strip):
            some = min(strip, count - first)
            rows = launches.window_rows(x, windows, self.length, first, some)
            if total is None:
                out[first : first + some] = self._times(rows, None)
            else:
                out[first : first + some].addmm_(rows, self.weight.t())
        return out

    def _times(self, rows: Tensor, total: Tensor | None) -> Tensor:
        if total is not None:
            return _rows(total).addmm_(rows, self.weight.t())
        bias, limit = self.filter.bias, self.filter.limit
        if bias is not None and limit is not None and math.isinf(limit):
            return torch._addmm_activation(bias, rows, self.weight.t())
        found = torch.mm(rows, self.weight.t()) if bias is None else torch.addmm(bias, rows, self.weight.t())
        return found if limit is None else found.clamp_(0.0, limit)

    def input_gradient(self, grad: Tensor, shape: torch.Size) -> Tensor:
        """Return the gradient of its input of some shape, from that of what it gives before a ReLU."""
        windows = self.windows(shape)
        found = launches.like_picture(grad, shape[1], windows.size)
        for image, pixels, over in self._row_strips(shape[0], windows, grad.itemsize):
            into, above = found[image, :, pixels], grad[image, :, over]
            rows = torch.mm(_rows(above), self.weight)
            here = windows._replace(out=(above.shape[2], windows.out[1]))
            launches.add_window_rows(rows, here, self.length, into, pixels.start, over.start)
        return found

    def _row_strips(
        self, images: int, windows: Sliding, itemsize: int
    ) -> Iterator[tuple[slice, slice, slice]]:
        """Yield which pictures, rows of pixels, and rows of windows over them go at once."""
        height, (up, across) = windows.size[0], windows.out
        row = across * self.length * itemsize
        if images * up * row <= _MOST:
            yield slice(0, images), slice(0, height), slice(0, up)
            return
        stride, kernel, before = windows.stride, windows.kernel[0], windows.pad[0]
        strip = max(1, (_MOST // row) * stride - kernel)
        for image in range(images):
            for top in range(0, height, strip):
                end = min(height, top + strip)
                first = min(up, max(0, -(-(top + before - kernel + 1) // stride)))
                last = max(first, min(up, (end - 1 + before) // stride + 1))
                yield slice(image, image + 1), slice(top, end), slice(first, last)


def _rows(x: Tensor) -> Tensor:
    """Return the pixels of a channels-last tensor as rows, (N · H · W, C)."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def _picture(rows: Tensor, images: int, size: tuple[int, int]) -> Tensor:
    return rows.view(images, *size, rows.shape[1]).permute(0, 3, 1, 2)
