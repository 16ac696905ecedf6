"""Transforms that work out new pixels: scale, rotate, blur."""

from __future__ import annotations

from math import cos, radians, sin

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.errors import RecipeError
from batcountry.image.blur import gaussian_blur
from batcountry.optim.transforms.base import Rng, Transform


def scale(least: float, most: float) -> Transform:
    """Resize pictures by a random factor from `least` to `most`, 0.1 to 10, with antialiasing."""
    if not 0.1 <= least <= most <= 10:
        raise RecipeError("scale goes from a smaller factor to a larger one, both 0.1 to 10")

    def scaled(pictures: Tensor, rng: Rng) -> Tensor:
        factor = _drawn(least, most, rng)
        size = [max(1, round(side * factor)) for side in pictures.shape[-2:]]
        if size == list(pictures.shape[-2:]):
            return pictures
        return F.interpolate(pictures, size, mode="bilinear", antialias=True)

    return scaled


def rotate(degrees: float) -> Transform:
    """Rotate pictures about their middle by a random angle of up to so many degrees either way.

    They keep their size; what comes in at the corners is the picture mirrored at its edge.
    """
    if not 0 <= degrees <= 180:
        raise RecipeError("rotate is a number of degrees, 0 to 180")

    def rotated(pictures: Tensor, rng: Rng) -> Tensor:
        angle = radians(_drawn(-degrees, degrees, rng))
        return pictures if angle == 0 else rotate_by(pictures, angle)

    return rotated


def rotate_by(pictures: Tensor, angle: float) -> Tensor:
    """Return (N, C, H, W) rotated about the middle, counter-clockwise, by an angle in radians."""
    high, wide = pictures.shape[-2:]
    # affine_grid counts from -1 to 1 along either axis, so an angle in pixels needs the ratio of the sides.
    matrix = [[cos(angle), -sin(angle) * high / wide, 0.0], [sin(angle) * wide / high, cos(angle), 0.0]]
    theta = torch.tensor(matrix, dtype=pictures.dtype, device=pictures.device)
    shape = [len(pictures), 1, high, wide]
    grid = F.affine_grid(theta.expand(len(pictures), 2, 3), shape, align_corners=False)
    return F.grid_sample(pictures, grid, "bilinear", "reflection", align_corners=False)


def blur(least: float, most: float | None = None) -> Transform:
    """Blur pictures with a Gaussian whose standard deviation is drawn from `least` to `most`, in pixels, 0 to 64.

    With no `most` it is always `least`. Beyond its edge a picture goes on with its nearest pixel.
    """
    last = least if most is None else most
    if not 0 <= least <= last <= 64:
        raise RecipeError("blur goes from a smaller number of pixels to a larger one, both 0 to 64")

    def blurred(pictures: Tensor, rng: Rng) -> Tensor:
        sigma = _drawn(least, last, rng)
        if sigma == 0:
            return pictures
        return gaussian_blur(pictures, sigma, truncate=4, edge="replicate", dtype=torch.float64)

    return blurred


def _drawn(least: float, most: float, rng: Rng) -> float:
    return float(rng.uniform(least, most, 1)[0]) if most > least else least
