"""Transforms that work out new pixels: scale, rotate, blur."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, cos, radians, sin

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.errors import RecipeError
from batcountry.image.blur import convolved, gaussian_weights
from batcountry.image.sampling import resampled, resampling, sampled
from batcountry.optim.transforms.base import Rng, Size, Transform


def scale(least: float, most: float) -> Transform:
    """Resize pictures by a random factor from `least` to `most`, 0.1 to 10, with antialiasing.

    On a graphics card the pictures that the network sees are all of the largest size, so that each step is the same work:
    a smaller one goes on beyond its lower and right edge as its own mirror image.
    """
    if not 0.1 <= least <= most <= 10:
        raise RecipeError("scale goes from a smaller factor to a larger one, both 0.1 to 10")
    return Scale(least, most)


@dataclass(frozen=True)
class Scale:
    """What `scale` makes."""

    least: float
    most: float

    def __call__(self, pictures: Tensor, rng: Rng) -> Tensor:
        """See `batcountry.optim.transforms.base.Split`."""
        size = self._size(rng, (pictures.shape[-2], pictures.shape[-1]))
        if size == pictures.shape[-2:]:
            return pictures
        return resampled(pictures, size)

    def draw(self, rng: Rng, size: Size) -> Tensor:
        """Return the height and the width they get; see `batcountry.optim.transforms.base.Split`."""
        return torch.tensor(self._size(rng, size), dtype=torch.float32)

    def apply(self, pictures: Tensor, drawn: Tensor) -> Tensor:
        """See `batcountry.optim.transforms.base.Split`; where `__call__` ends, the pictures are mirrored."""
        high, wide = pictures.shape[-2:]
        most_high, most_wide = _scaled((high, wide), self.most)
        down = resampling(high, drawn[0], most_high, pictures.dtype)
        across = resampling(wide, drawn[1], most_wide, pictures.dtype)
        return down @ pictures @ across.T

    def _size(self, rng: Rng, size: Size) -> Size:
        return _scaled(size, _drawn(self.least, self.most, rng))


def _scaled(size: Size, factor: float) -> Size:
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def rotate(degrees: float) -> Transform:
    """Rotate pictures about their middle by a random angle of up to so many degrees either way.

    They keep their size; what comes in at the corners is the picture mirrored at its edge.
    """
    if not 0 <= degrees <= 180:
        raise RecipeError("rotate is a number of degrees, 0 to 180")
    return Rotate(degrees)


@dataclass(frozen=True)
class Rotate:
    """What `rotate` makes."""

    degrees: float

    def _angle(self, rng: Rng) -> float:
        return radians(_drawn(-self.degrees, self.degrees, rng))

    def __call__(self, pictures: Tensor, rng: Rng) -> Tensor:
        """See `batcountry.optim.transforms.base.Split`."""
        angle = self._angle(rng)
        return pictures if angle == 0 else rotate_by(pictures, angle)

    def draw(self, rng: Rng, size: Size) -> Tensor:
        """Return the turn as a matrix, (2, 3); see `batcountry.optim.transforms.base.Split`."""
        return torch.tensor(_turn(self._angle(rng), size), dtype=torch.float32)

    def apply(self, pictures: Tensor, drawn: Tensor) -> Tensor:
        """See `batcountry.optim.transforms.base.Split`; the pixels are those of `__call__`."""
        return sampled(pictures, _places(pictures, drawn.to(pictures.dtype))) if self.degrees else pictures


def rotate_by(pictures: Tensor, angle: float) -> Tensor:
    """Return (N, C, H, W) rotated about the middle, counter-clockwise, by an angle in radians."""
    matrix = _turn(angle, (pictures.shape[-2], pictures.shape[-1]))
    places = _places(pictures, torch.tensor(matrix, dtype=pictures.dtype, device=pictures.device))
    return sampled(pictures, places)


def _turn(angle: float, size: Size) -> list[list[float]]:
    # affine_grid counts from -1 to 1 along either axis, so an angle in pixels needs the ratio of the sides.
    high, wide = size
    return [[cos(angle), -sin(angle) * high / wide, 0.0], [sin(angle) * wide / high, cos(angle), 0.0]]


def _places(pictures: Tensor, matrix: Tensor) -> Tensor:
    """Return where in pictures each pixel of the turned ones lies, as `grid_sample` takes it."""
    shape = [len(pictures), 1, *pictures.shape[-2:]]
    return F.affine_grid(matrix.expand(len(pictures), 2, 3), shape, align_corners=False)


def blur(least: float, most: float | None = None) -> Transform:
    """Blur pictures with a Gaussian whose standard deviation is drawn from `least` to `most`, in pixels, 0 to 64.

    With no `most` it is always `least`. Beyond its edge a picture goes on with its nearest pixel.
    """
    last = least if most is None else most
    if not 0 <= least <= last <= 64:
        raise RecipeError("blur goes from a smaller number of pixels to a larger one, both 0 to 64")
    return Blur(least, last)


@dataclass(frozen=True)
class Blur:
    """What `blur` makes."""

    least: float
    most: float

    def __call__(self, pictures: Tensor, rng: Rng) -> Tensor:
        """See `batcountry.optim.transforms.base.Split`."""
        sigma = _drawn(self.least, self.most, rng)
        return pictures if sigma == 0 else convolved(pictures, self._weights(sigma).to(pictures), "replicate")

    def draw(self, rng: Rng, size: Size) -> Tensor:  # noqa: ARG002
        """Return the weights, as many as the widest has; see `batcountry.optim.transforms.base.Split`."""
        sigma = _drawn(self.least, self.most, rng)
        weights = self._weights(sigma).float() if sigma else torch.ones(1)
        return F.pad(weights, (self._reach(self.most) - len(weights) // 2,) * 2)

    def apply(self, pictures: Tensor, drawn: Tensor) -> Tensor:
        """See `batcountry.optim.transforms.base.Split`; the pixels are those of `__call__`, but for rounding."""
        return convolved(pictures, drawn.to(pictures.dtype), "replicate") if self.most else pictures

    def _weights(self, sigma: float) -> Tensor:
        return gaussian_weights(sigma, self._reach(sigma), torch.float64)

    @staticmethod
    def _reach(sigma: float) -> int:
        return ceil(4 * sigma)


def _drawn(least: float, most: float, rng: Rng) -> float:
    return float(rng.uniform(least, most, 1)[0]) if most > least else least
