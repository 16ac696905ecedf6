"""Transforms that move pixels without mixing them: jitter, pad, crop, flip."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.errors import RecipeError
from batcountry.optim.transforms.base import Rng, Transform

_LARGEST_SIDE = 262_144
"""Of a picture, in pixels."""


def jitter(largest: int) -> Transform:
    """Roll pictures round by a random number of pixels up to `largest`: along x, then along y.

    What leaves at one side comes in at the other (deepdream's notebook, 2015).
    """
    if not 0 <= largest <= _LARGEST_SIDE:
        raise RecipeError(f"jitter is a number of pixels, 0 or more, up to {_LARGEST_SIDE:,}")

    def roll(pictures: Tensor, rng: Rng) -> Tensor:
        ox, oy = (int(shift) for shift in rng.randint(-largest, largest + 1, 2))
        return torch.roll(pictures, (oy, ox), (-2, -1)) if ox or oy else pictures

    return roll


def pad(pixels: int, fill: Literal["mean", "edge", "reflect"] = "mean") -> Transform:
    """Put a border of so many pixels around pictures, so that jitter and rotation have something to bring in.

    Parameters
    ----------
    pixels
        0 to 1024.
    fill
        What the border is: each plane's mean, the nearest pixel, or the picture mirrored at its edge.
    """
    if not 0 <= pixels <= 1024:
        raise RecipeError("pad is a number of pixels, 0 to 1024")

    def padded(pictures: Tensor, _: Rng) -> Tensor:
        if fill == "mean":
            mean = pictures.detach().mean((-2, -1), keepdim=True)
            return F.pad(pictures - mean, (pixels,) * 4) + mean
        for axis in (-2, -1):
            at = _around(pictures.shape[axis], pixels, mirrored=fill == "reflect")
            pictures = pictures.index_select(axis, at.to(pictures.device))
        return pictures

    return padded


def _around(length: int, pixels: int, *, mirrored: bool) -> Tensor:
    """Return which pixel stands at each place of an axis with a border, however wide that is."""
    at = torch.arange(-pixels, length + pixels)
    if not mirrored or length == 1:
        return at.clamp(0, length - 1)
    at = at.remainder(2 * length - 2)
    return torch.minimum(at, 2 * length - 2 - at)


def crop(height: int, width: int | None = None) -> Transform:
    """Cut a part of so many pixels out of pictures, somewhere at random; a square if no width is given.

    For networks that take pictures of one size only.
    """
    across = height if width is None else width
    if min(height, across) < 1:
        raise RecipeError("crop is a number of pixels, 1 or more")

    def cropped(pictures: Tensor, rng: Rng) -> Tensor:
        spare = [have - want for have, want in zip(pictures.shape[-2:], (height, across), strict=True)]
        if min(spare) < 0:
            high, wide = pictures.shape[-2:]
            raise RecipeError(
                f"crop cuts {across}×{height} pixels out of a picture, and this one has {wide}×{high} there; "
                "use a larger picture, fewer octaves, or pad it first"
            )
        y, x = (int(rng.randint(0, pixels + 1, 1)[0]) for pixels in spare)
        return pictures[..., y : y + height, x : x + across]

    return cropped


def flip(chance: float = 0.5) -> Transform:
    """Mirror pictures, left for right, with a chance of 0 to 1."""
    if not 0 <= chance <= 1:
        raise RecipeError("the chance of a flip is 0 to 1")

    def flipped(pictures: Tensor, rng: Rng) -> Tensor:
        return pictures.flip(-1) if float(rng.uniform(0, 1, 1)[0]) < chance else pictures

    return flipped
