"""Convolutions of each channel by itself with a stride, such as those between a MobileNet's or EfficientNet's sizes.

oneDNN has the gradient of these in float32 only, and pads the same on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from batcountry.backend.kernels.card import launches
from batcountry.backend.kernels.card.launches import Sliding
from batcountry.backend.kernels.dispatch import channels_last, float_bits, is_card, kind, loops
from batcountry.backend.kernels.onednn_conv import Filter, Pair


@dataclass(frozen=True, eq=False)
class Depthwise(Filter):
    """A filter with as many groups as it has channels, coming in and going out.

    Attributes
    ----------
    after
        Rows and columns of zeros at the end, where `pad` says how many are before the first.
    """

    after: Pair = (0, 0)

    def forward(self, x: Tensor) -> Tensor:
        """Return its result for a tensor (N, C, H, W) that `kind` or `on_card` knows."""
        if is_card(x):
            return launches.depthwise(x, self.taps, self.precise_bias, self._windows(x.shape), self.bounds)
        shape = (*x.shape[:2], *self._sizes(x.shape))
        y = torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)
        addresses = (each.data_ptr() for each in (x, self.taps, self.precise_bias, y))
        loops("depthwise").forward[kind(x)](
            shape[0] * shape[2], *addresses, *self._settings(x.shape), *map(float_bits, self.bounds)
        )
        return y

    def input_gradient(self, grad: Tensor, shape: torch.Size, total: Tensor | None = None) -> Tensor:
        """See `Filter`; for gradients that `kind` knows."""
        grad = channels_last(grad)
        if is_card(grad):
            found = launches.depthwise_gradient(grad, self.taps, self._windows(shape))
            return found if total is None else total.add_(found)
        found = torch.empty(shape, dtype=grad.dtype, memory_format=torch.channels_last)
        addresses = grad.data_ptr(), self.taps.data_ptr(), 0, found.data_ptr()
        loops("depthwise").backward[kind(grad)](shape[0] * shape[2], *addresses, *self._settings(shape))
        return found if total is None else total.add_(found)

    def _sizes(self, shape: torch.Size) -> Pair:
        rows, columns = (
            (size + before + after - kernel) // self.stride + 1
            for size, before, after, kernel in zip(shape[2:], self.pad, self.after, self.kernel, strict=True)
        )
        if min(rows, columns) < 1:
            raise RuntimeError(f"a kernel of {self.kernel} does not fit into {tuple(shape[2:])}")
        return rows, columns

    def _settings(self, shape: torch.Size) -> tuple[int, ...]:
        return (*shape[2:], shape[1], *self._sizes(shape), *self.kernel, self.stride, *self.pad)

    def _windows(self, shape: torch.Size) -> Sliding:
        return Sliding((shape[2], shape[3]), self._sizes(shape), self.kernel, self.stride, self.pad)
