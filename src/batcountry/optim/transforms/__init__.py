"""What happens to pictures before the network sees them, so that a dream does not hang on single pixels.

A transform is a function of pictures, (N, C, H, W), and an rng, which it draws from anew in every step;
it is differentiable. The pictures beside the one dreamed on are among the channels.

Functions that make one raise `RecipeError` for a number out of its range.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from batcountry.optim.transforms.base import Dice, OfChannels, Transform
from batcountry.optim.transforms.moves import crop, flip, jitter, pad
from batcountry.optim.transforms.noise import noise
from batcountry.optim.transforms.warps import blur, rotate, scale
from batcountry.recipe.expressions import Calls
from batcountry.recipe.marks import has_mark, refuse

__all__ = [
    "Dice",
    "OfChannels",
    "Transform",
    "blur",
    "crop",
    "flip",
    "jitter",
    "known",
    "noise",
    "of_channels",
    "pad",
    "parse",
    "rotate",
    "scale",
    "seen_size",
]

known: dict[str, Callable[..., Transform]] = {
    each.__name__: each for each in (jitter, pad, scale, rotate, flip, blur, noise, crop)
}
"""Transforms that the text form knows, by name. Put your own function in to extend it."""

_calls = Calls("transform", known)


def parse(text: str) -> list[Transform]:
    """Read transforms from text such as `jitter(8), jitter(4)`, in order.

    Raises
    ------
    RecipeError
        If the text is something else; the message points at the character.
    """
    if has_mark(text):
        raise refuse("transforms", text)
    value = _calls.parse(text)
    found = value if isinstance(value, list) else [value]
    if not all(callable(each) for each in found):
        raise _calls.wrong(text.strip(), 0, "transforms are calls with commas between")
    return found


def of_channels(transforms: Sequence[Transform], channels: int) -> list[Transform]:
    """Return transforms for pictures of so many channels; what is beside a picture are the channels after them."""
    return [each.of_channels(channels) if isinstance(each, OfChannels) else each for each in transforms]


class _Loaded:
    """Dice that always show their lowest, or their highest number."""

    def __init__(self, *, high: bool) -> None:
        self._high = high

    def randint(self, low: int, high: int, size: int) -> NDArray[np.int_]:
        return np.full(size, high - 1 if self._high else low)

    def uniform(self, low: float, high: float, size: int) -> NDArray[np.float64]:
        return np.full(size, high if self._high else low)


def seen_size(transforms: Sequence[Transform], size: tuple[int, int]) -> tuple[int, int]:
    """Return the largest (height, width) that transforms make of pictures of `size`.

    Raises
    ------
    RecipeError
        If the random numbers can be such that the pictures are too small for them.
    """
    for rng in (_Loaded(high=False), _Loaded(high=True)):
        pictures = torch.empty(1, 1, *size, device="meta")  # a picture may be larger than memory
        for each in transforms:
            pictures = each(pictures, rng)
    return pictures.shape[-2], pictures.shape[-1]
