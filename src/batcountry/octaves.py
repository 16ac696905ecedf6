"""The sizes of a dream, coarse to fine, and the resizing between them."""

from __future__ import annotations

import torch
from torch import Tensor


def sizes(height: int, width: int, count: int, scale: float) -> list[tuple[int, int]]:
    """Return the (height, width) of each octave in pixels, the smallest first.

    Each is the next larger one divided by `scale`, rounded as `scipy.ndimage.zoom` does, which
    the 2015 programs used. Sizes below one pixel are left out.
    """
    found = [(height, width)]
    while len(found) < count:
        smaller = round(found[-1][0] * (1 / scale)), round(found[-1][1] * (1 / scale))
        if min(smaller) < 1:
            break
        found.append(smaller)
    return found[::-1]


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (…, H, W) to `size` linearly, corners onto corners.

    The same numbers as `scipy.ndimage.zoom(order=1, mode="nearest")`: there is no low-pass
    filter, which is part of how a classic dream looks.
    """
    if image.shape[-2:] == size:
        return image.clone()
    return _along(_along(image, -2, size[0]), -1, size[1])


def pyramid(image: Tensor, octaves: list[tuple[int, int]]) -> list[Tensor]:
    """Return the picture at each octave's size, smallest first, each made from the next larger one."""
    levels = [resize(image, octaves[-1])]
    for size in octaves[-2::-1]:
        levels.append(resize(levels[-1], size))
    return levels[::-1]


def _along(image: Tensor, axis: int, length: int) -> Tensor:
    old = image.shape[axis]
    if old == length:
        return image
    # Positions in float64: in float32 the weights of a wide picture would be off by 1e-4.
    at = torch.linspace(0, old - 1, length, dtype=torch.float64)
    low = at.floor().clamp(max=max(old - 2, 0)).long()
    shape = [1] * image.ndim
    shape[axis] = length
    weight = (at - low).to(image.dtype).reshape(shape).to(image.device)
    low = low.to(image.device)
    high = (low + 1).clamp(max=old - 1)
    return torch.lerp(image.index_select(axis, low), image.index_select(axis, high), weight)
