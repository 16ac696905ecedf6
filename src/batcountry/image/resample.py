"""Resizing pictures: linearly as deepdream did, or with a bicubic filter."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.transfers import brought
from batcountry.image.periodic import NO_WRAP, Wrap


def resize(image: Tensor, size: tuple[int, int], wrap: Wrap = NO_WRAP) -> Tensor:
    """Resize (…, H, W) to `size` linearly, corners onto corners.

    The same numbers as `scipy.ndimage.zoom(order=1, mode="nearest")`: there is no low-pass
    filter, which is part of how a classic dream looks. Along a wrapped axis the first pixel stays
    the first, and the last ones are mixed with it.
    """
    if image.shape[-2:] == size:
        return image.clone()
    if not image.is_cpu:
        for axis, new, wraps in ((-2, size[0], wrap[0]), (-1, size[1], wrap[1])):
            if image.shape[axis] != new:
                image = mixed_on(image.shape[axis], new, wraps, image.device).along(image, axis)
        return image
    return resized_rows(lambda rows: _wrapped(image, rows), image.shape[-2], size, range(size[0]), wrap)


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


def _wrapped(image: Tensor, rows: range) -> Tensor:
    if rows.stop <= image.shape[-2]:
        return image[..., rows.start : rows.stop, :]
    return torch.cat([image[..., rows.start :, :], image[..., : rows.stop - image.shape[-2], :]], -2)


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
        shape = [1] * image.ndim
        shape[axis] = len(self.low)
        weight = self.weight.to(image.device, image.dtype).reshape(shape)
        low, high = (index.to(image.device) % image.shape[axis] for index in (self.low, self.high))
        return torch.lerp(image.index_select(axis, low), image.index_select(axis, high), weight)


@lru_cache(maxsize=128)
def mixed_on(old: int, length: int, wrap: bool, device: torch.device) -> _Mixed:
    """Return the same as `_Mixed.of`, on a device, to which it is brought once."""
    with torch.inference_mode(False):
        low, high, weight = _Mixed.of(old, length, wrap)
        return _Mixed(brought(low, device), brought(high, device), brought(weight.float(), device))
