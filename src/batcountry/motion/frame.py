"""Frames as they come out of a zoom or a video."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batcountry.image.picture import Picture
from batcountry.image.reading import picture_of_levels

if TYPE_CHECKING:
    import torch
    from torch import Tensor

State = dict[str, NDArray[Any]]
"""What the next frame depends on, by name."""


@dataclass(frozen=True)
class Form:
    """What an array is: the type of its numbers, and its shape, in which None stands for any length."""

    dtype: type[np.generic]
    shape: tuple[int | None, ...]

    def fits(self, array: NDArray[Any]) -> bool:
        """Whether an array is so."""
        lengths = zip(array.shape, self.shape, strict=False)
        same = array.ndim == len(self.shape) and all(have == want or want is None for have, want in lengths)
        return same and array.dtype == self.dtype


@dataclass(frozen=True)
class Frame:
    """One frame of a film.

    Attributes
    ----------
    index
        Counted from 0.
    count
        How many there will be, as far as is known; 0 if nobody knows.
    pts, duration
        When it is shown and how long, in ticks of `time_base`.
    time_base
        Seconds in a tick.
    pixels
        H×W×3 float32, RGB in gray levels 0–255.
    cut
        Whether a scene begins here.
    state
        What the next frame depends on.
    alpha
        H×W uint8, or None if there is no transparency.
    """

    index: int
    count: int
    pts: int
    duration: int
    time_base: Fraction
    pixels: NDArray[np.float32] = field(repr=False)
    cut: bool = False
    state: State = field(default_factory=dict, repr=False, compare=False)
    alpha: NDArray[np.uint8] | None = field(default=None, repr=False)

    @property
    def time(self) -> Fraction:
        """When it is shown, in seconds."""
        return self.pts * self.time_base

    def picture(self) -> Picture:
        """Return the frame as a picture, which can be saved."""
        return picture_of_levels(self.pixels if self.alpha is None else np.dstack([self.pixels, self.alpha]))

    def levels(self, deep: bool = False) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Return H×W×3 whole numbers, of 8 bits or of 16, or H×W×4 with transparency."""
        pixels = (
            self.pixels if self.alpha is None else np.dstack([self.pixels, self.alpha.astype(np.float32)])
        )
        if deep:
            return np.rint(np.clip(pixels, 0, 255) * np.float32(257)).astype(np.uint16)
        return np.rint(np.clip(pixels, 0, 255)).astype(np.uint8)


def tensor(pixels: NDArray[np.float32], device: torch.device) -> Tensor:
    """Return pixels, H×W×3, as (1, 3, H, W)."""
    import torch  # here, as who only asks which files are films has no use for it

    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].contiguous().to(device)


def array(image: Tensor) -> NDArray[np.float32]:
    """Return (1, 3, H, W) as pixels, H×W×3."""
    return image[0].permute(1, 2, 0).contiguous().cpu().numpy()
