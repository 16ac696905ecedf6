"""Transforms that move pixels without mixing them: jitter, pad, crop, flip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.errors import RecipeError
from batcountry.image.sampling import extended
from batcountry.optim.transforms.base import Rng, Size, Transform

_LARGEST_SIDE = 262_144
"""Of a picture, in pixels."""

Fill = Literal["mean", "edge", "reflect"]


def jitter(largest: int) -> Transform:
    """Roll pictures round by a random number of pixels up to `largest`: along x, then along y.

    What leaves at one side comes in at the other (deepdream's notebook, 2015).
    """
    if not 0 <= largest <= _LARGEST_SIDE:
        raise RecipeError(f"jitter is a number of pixels, 0 or more, up to {_LARGEST_SIDE:,}")
    return Jitter(largest)


@dataclass(frozen=True)
class Jitter:
    """What `jitter` makes."""

    largest: int

    def _shift(self, rng: Rng) -> tuple[int, int]:
        ox, oy = (int(shift) for shift in rng.randint(-self.largest, self.largest + 1, 2))
        return ox, oy

    def __call__(self, pictures: Tensor, rng: Rng) -> Tensor:
        """See `batcountry.optim.transforms.base.Split`."""
        ox, oy = self._shift(rng)
        return torch.roll(pictures, (oy, ox), (-2, -1)) if ox or oy else pictures

    def draw(self, rng: Rng, size: Size) -> Tensor:  # noqa: ARG002
        """Return the shift along x and along y; see `batcountry.optim.transforms.base.Split`."""
        return torch.tensor(self._shift(rng), dtype=torch.float32)

    def apply(self, pictures: Tensor, drawn: Tensor) -> Tensor:
        """See `batcountry.optim.transforms.base.Split`; the pixels are those of `__call__`."""
        if pictures.is_meta or not self.largest:
            return pictures
        return _Rolled.apply(pictures, drawn)  # type: ignore[no-untyped-call]


class _Rolled(torch.autograd.Function):
    """Pictures rolled by a shift that is a tensor; the gradient is rolled back, as each pixel has one place."""

    @staticmethod
    def forward(ctx: Any, pictures: Tensor, shift: Tensor) -> Tensor:
        ctx.save_for_backward(shift)
        return _rolled(pictures, shift)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (shift,) = ctx.saved_tensors
        return _rolled(gradient, -shift), None


def _rolled(pictures: Tensor, shift: Tensor) -> Tensor:
    for axis, by in ((-1, shift[0]), (-2, shift[1])):
        length = pictures.shape[axis]
        at = torch.arange(length, device=pictures.device) - by.long()
        pictures = pictures.index_select(axis, at.remainder(length))
    return pictures


def pad(pixels: int, fill: Fill = "mean") -> Transform:
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
    return Pad(pixels, fill)


@dataclass(frozen=True)
class Pad:
    """What `pad` makes."""

    pixels: int
    fill: Fill

    def __call__(self, pictures: Tensor, _: Rng) -> Tensor:
        """See `batcountry.optim.transforms.base.Split`."""
        return self._padded(pictures)

    def draw(self, rng: Rng, size: Size) -> Tensor:  # noqa: ARG002
        """Return no numbers; see `batcountry.optim.transforms.base.Split`."""
        return torch.empty(0)

    def apply(self, pictures: Tensor, drawn: Tensor) -> Tensor:  # noqa: ARG002
        """See `batcountry.optim.transforms.base.Split`."""
        return self._padded(pictures)

    def _padded(self, pictures: Tensor) -> Tensor:
        if self.fill == "mean":
            mean = pictures.detach().mean((-2, -1), keepdim=True)
            return F.pad(pictures - mean, (self.pixels,) * 4) + mean
        for axis in (-2, -1):
            pictures = extended(
                pictures, axis, self.pixels, "reflect" if self.fill == "reflect" else "replicate"
            )
        return pictures


def crop(height: int, width: int | None = None) -> Transform:
    """Cut a part of so many pixels out of pictures, somewhere at random; a square if no width is given.

    For networks that take pictures of one size only.
    """
    across = height if width is None else width
    if min(height, across) < 1:
        raise RecipeError("crop is a number of pixels, 1 or more")
    return Crop(height, across)


@dataclass(frozen=True)
class Crop:
    """What `crop` makes."""

    height: int
    width: int

    def _corner(self, rng: Rng, size: Size) -> tuple[int, int]:
        spare = [have - want for have, want in zip(size, (self.height, self.width), strict=True)]
        if min(spare) < 0:
            high, wide = size
            raise RecipeError(
                f"crop cuts {self.width}×{self.height} pixels out of a picture, and this one has {wide}×{high} there; "
                "use a larger picture, fewer octaves, or pad it first"
            )
        y, x = (int(rng.randint(0, pixels + 1, 1)[0]) for pixels in spare)
        return y, x

    def __call__(self, pictures: Tensor, rng: Rng) -> Tensor:
        """See `batcountry.optim.transforms.base.Split`."""
        y, x = self._corner(rng, (pictures.shape[-2], pictures.shape[-1]))
        return pictures[..., y : y + self.height, x : x + self.width]

    def draw(self, rng: Rng, size: Size) -> Tensor:
        """Return the row and the column of the corner; see `batcountry.optim.transforms.base.Split`."""
        return torch.tensor(self._corner(rng, size), dtype=torch.float32)

    def apply(self, pictures: Tensor, drawn: Tensor) -> Tensor:
        """See `batcountry.optim.transforms.base.Split`; the pixels are those of `__call__`."""
        return _Cut.apply(pictures, drawn, (self.height, self.width))  # type: ignore[no-untyped-call]


class _Cut(torch.autograd.Function):
    """A part of pictures whose corner is a tensor; where nothing was cut out there is no gradient."""

    @staticmethod
    def forward(ctx: Any, pictures: Tensor, corner: Tensor, size: Size) -> Tensor:
        rows, columns = (
            torch.arange(length, device=pictures.device) + by.long()
            for length, by in zip(size, corner, strict=True)
        )
        ctx.save_for_backward(rows, columns)
        ctx.shape = pictures.shape
        return pictures.index_select(-2, rows).index_select(-1, columns)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        rows, columns = ctx.saved_tensors
        wide = gradient.new_zeros(*gradient.shape[:-1], ctx.shape[-1]).index_copy(-1, columns, gradient)
        return gradient.new_zeros(ctx.shape).index_copy(-2, rows, wide), None, None


def flip(chance: float = 0.5) -> Transform:
    """Mirror pictures, left for right, with a chance of 0 to 1."""
    if not 0 <= chance <= 1:
        raise RecipeError("the chance of a flip is 0 to 1")
    return Flip(chance)


@dataclass(frozen=True)
class Flip:
    """What `flip` makes."""

    chance: float

    def _flips(self, rng: Rng) -> bool:
        return float(rng.uniform(0, 1, 1)[0]) < self.chance

    def __call__(self, pictures: Tensor, rng: Rng) -> Tensor:
        """See `batcountry.optim.transforms.base.Split`."""
        return pictures.flip(-1) if self._flips(rng) else pictures

    def draw(self, rng: Rng, size: Size) -> Tensor:  # noqa: ARG002
        """Return 1 to mirror them, or 0; see `batcountry.optim.transforms.base.Split`."""
        return torch.tensor([float(self._flips(rng))])

    def apply(self, pictures: Tensor, drawn: Tensor) -> Tensor:
        """See `batcountry.optim.transforms.base.Split`; the pixels are those of `__call__`."""
        return torch.where(drawn > 0, pictures.flip(-1), pictures)
