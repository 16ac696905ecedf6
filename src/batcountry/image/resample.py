"""Resizing pictures: linearly as deepdream did, or with a bicubic filter."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.devices import sent
from batcountry.image.periodic import NO_WRAP, Wrap


def resize(image: Tensor, size: tuple[int, int], wrap: Wrap = NO_WRAP) -> Tensor:
    """Resize (…, H, W) to `size` linearly, corners onto corners.

    The same numbers as `scipy.ndimage.zoom(order=1, mode="nearest")`: there is no low-pass
    filter, which is part of how a classic dream looks. Along a wrapped axis the first pixel stays
    the first, and the last ones are mixed with it.
    """
    if image.shape[-2:] == size:
        return image.clone()
    for axis, length in zip((-2, -1), size, strict=True):
        if image.shape[axis] != length:
            mixed = _placed(image.shape[axis], length, wrap[axis], image.device, image.dtype)
            image = mixed.taken(image, axis)
    return image


def resized_rows(
    read: Callable[[range], Tensor],
    height: int,
    size: tuple[int, int],
    rows: range,
    wrap: Wrap = NO_WRAP,
) -> Tensor:
    """Return some rows of what `resize` gives for a picture that is read row by row.

    Parameters
    ----------
    read
        Gives the rows of a range, (…, rows, W); one beyond the last is the first.
    height
        Rows of the picture that is read.
    size
        (height, width) of the whole result.
    rows
        Those wanted, a range with steps of 1.
    """
    if height == size[0]:
        image = read(rows)
    else:
        low, high, weight = (part[rows.start : rows.stop] for part in _Mixed.of(height, size[0], wrap[0]))
        first = int(low[0])
        image = read(range(first, int(high[-1]) + 1))
        image = _Mixed(low - first, high - first, weight).along(image, -2)
    width = image.shape[-1]
    return image if width == size[1] else _Mixed.of(width, size[1], wrap[1]).along(image, -1)


def enlarged(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (N, C, H, W) with a bicubic filter, which is antialiased where it shrinks, within 0 to 255 if it was."""
    if image.shape[-2:] == size:
        return image.clone()
    low, high = min(float(image.min()), 0.0), max(float(image.max()), 255.0)
    return F.interpolate(image, size, mode="bicubic", antialias=True).clamp(low, high)


class _Mixed(NamedTuple):
    """Which two pixels of an axis each new one is mixed of, and the second one's share."""

    low: Tensor
    high: Tensor
    weight: Tensor

    @classmethod
    def of(cls, old: int, length: int, wrap: bool) -> _Mixed:
        # Positions in float64: in float32 the weights of a wide picture would be off by 1e-4.
        if wrap:
            at = torch.arange(length, dtype=torch.float64) * (old / length)
            low = at.floor().clamp(max=old - 1).long()
            return cls(low, low + 1, at - low)
        at = torch.linspace(0, old - 1, length, dtype=torch.float64)
        low = at.floor().clamp(max=max(old - 2, 0)).long()
        return cls(low, (low + 1).clamp(max=old - 1), at - low)

    def along(self, image: Tensor, axis: int) -> Tensor:
        return self.placed(image.shape[axis], image.device, image.dtype).taken(image, axis)

    def placed(self, old: int, device: torch.device, dtype: torch.dtype) -> _Mixed:
        """Return this on a device, within an axis of `old` pixels, with weights of a type."""
        low, high = (sent(index % old, device) for index in (self.low, self.high))
        return _Mixed(low, high, sent(self.weight.to(dtype), device))

    def taken(self, image: Tensor, axis: int) -> Tensor:
        """Mix an image that this was placed for."""
        shape = [1] * image.ndim
        shape[axis] = len(self.low)
        low, high = (image.index_select(axis, index) for index in (self.low, self.high))
        return torch.lerp(low, high, self.weight.reshape(shape))


@lru_cache(maxsize=256)
def _placed(old: int, length: int, wrap: bool, device: torch.device, dtype: torch.dtype) -> _Mixed:
    """Return how an axis is resized, on the device where each octave of each frame needs it again."""
    with torch.inference_mode(False):
        return _Mixed.of(old, length, wrap).placed(old, device, dtype)
