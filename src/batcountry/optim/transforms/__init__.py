"""What happens to pictures before the network sees them, so that a dream does not hang on single pixels.

A transform is a function of pictures, (N, C, H, W), and an rng, which it draws from anew in every step;
it is differentiable. The pictures beside the one dreamed on are among the channels.

Functions that make one raise `RecipeError` for a number out of its range.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from batcountry.optim.transforms.base import OfChannels, Rng, Split, Transform
from batcountry.optim.transforms.moves import crop, flip, jitter, pad
from batcountry.optim.transforms.noise import noise
from batcountry.optim.transforms.warps import blur, rotate, scale
from batcountry.recipe.expressions import Calls
from batcountry.recipe.marks import has_mark, refuse
from batcountry.recipe.registry import Registry

__all__ = [
    "TRANSFORMS",
    "OfChannels",
    "Rng",
    "Split",
    "Transform",
    "blur",
    "crop",
    "flip",
    "jitter",
    "noise",
    "of_channels",
    "pad",
    "parse",
    "rotate",
    "scale",
    "seen_size",
]

TRANSFORMS: Registry[Callable[..., Transform]] = Registry(
    "transform",
    "batcountry.transforms",
    {make.__name__: make for make in (jitter, pad, scale, rotate, flip, blur, noise, crop)},
)
"""Transforms that the text form has, by name; `register` your own function to extend it."""

_calls = Calls("transform", TRANSFORMS)


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
    transforms = value if isinstance(value, list) else [value]
    if not all(callable(transform) for transform in transforms):
        raise _calls.wrong(text.strip(), 0, "transforms are calls with commas between")
    return transforms


def of_channels(transforms: Sequence[Transform], channels: int) -> list[Transform]:
    """Return transforms for pictures of so many channels; what is beside a picture are the channels after them."""
    return [
        transform.of_channels(channels) if isinstance(transform, OfChannels) else transform
        for transform in transforms
    ]


class _Loaded:
    """Rng that always show their lowest, or their highest number."""

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
    ours = all(isinstance(transform, Split) for transform in transforms)
    return (_known_size if ours else _seen_size)(tuple(transforms), size)


def _seen_size(transforms: tuple[Transform, ...], size: tuple[int, int]) -> tuple[int, int]:
    for rng in (_Loaded(high=False), _Loaded(high=True)):
        pictures = torch.empty(1, 1, *size, device="meta")  # a picture may be larger than memory
        for transform in transforms:
            pictures = transform(pictures, rng)
    return pictures.shape[-2], pictures.shape[-1]


# To try it on tensors without contents takes milliseconds, and each dream asks.
_known_size = lru_cache(maxsize=256)(_seen_size)
