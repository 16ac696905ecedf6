"""The sizes of a dream, coarse to fine, and what an octave hands to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from torch import Tensor

from batcountry.image.periodic import NO_WRAP, Wrap
from batcountry.image.resample import enlarged, resize
from batcountry.recipe.registry import Registry


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


FIRST_SIDE = 143.0
"""Side in pixels of a square as large as the first octave where their number is chosen by the picture's size."""


def usual_count(height: int, width: int, scale: float) -> int:
    """Return how many octaves a picture has if nothing is said: so many that the first is about as large as `FIRST_SIDE`.

    What grows there is then as large a part of a small picture as of a large one.
    """
    return 1 + max(0, round(log(sqrt(height * width) / FIRST_SIDE, scale)))


def between(
    initial: tuple[int, int], final: tuple[int, int], count: int, *, linear: bool = False
) -> list[tuple[int, int]]:
    """Return `count` sizes from `initial` to `final`, each (height, width), geometrically or linearly spaced.

    As cnn-vis does; a single size is `initial`.
    """
    if count == 1:
        return [initial]
    space = np.linspace if linear else np.geomspace
    heights, widths = (np.round(space(low, high, count)) for low, high in zip(initial, final, strict=True))
    return [(int(height), int(width)) for height, width in zip(heights, widths, strict=True)]


def pyramid(image: Tensor, octaves: list[tuple[int, int]], wrap: Wrap = NO_WRAP) -> list[Tensor]:
    """Return the picture at each octave's size, smallest first, each made from the next larger one."""
    is_there = image.shape[-2:] == octaves[-1] and image.is_contiguous()
    levels = [image if is_there else resize(image, octaves[-1], wrap)]
    for size in octaves[-2::-1]:
        levels.append(resize(levels[-1], size, wrap))
    return levels[::-1]


@dataclass(frozen=True)
class OctaveTransfer:
    """How a dream goes from one octave to the next.

    Attributes
    ----------
    levels
        The picture without dream at each octave's size, from (N, C, H, W), the sizes, and which axes wrap.
    start
        What an octave goes on from: of the octave before, the dream and the picture without it; of this one,
        the picture without dream; and which axes wrap.
    """

    levels: Callable[[Tensor, list[tuple[int, int]], Wrap], list[Tensor]]
    start: Callable[[Tensor, Tensor, Tensor, Wrap], Tensor]


def _with_detail(dream: Tensor, without: Tensor, base: Tensor, wrap: Wrap) -> Tensor:
    return base + resize(dream - without, (base.shape[-2], base.shape[-1]), wrap)


OCTAVE_TRANSFERS: Registry[OctaveTransfer] = Registry(
    "octave transfer",
    "batcountry.octave_transfers",
    {
        "detail": OctaveTransfer(pyramid, _with_detail),
        "picture": OctaveTransfer(
            lambda image, sizes, _: [enlarged(image, size) for size in sizes],
            lambda dream, _, base, __: enlarged(dream, (base.shape[-2], base.shape[-1])),
        ),
    },
    check=lambda value: isinstance(value, OctaveTransfer),
)
"""By name: `detail`, what was dreamed is added to the picture at its new size (deepdream, 2015); `picture`, all of the
dream is enlarged (cnn-vis); `register` your own to extend it."""
