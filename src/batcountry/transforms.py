"""What happens to pictures before the network sees them, so that a dream does not hang on single pixels.

A transform is a function of pictures, (N, C, H, W), and dice, which it draws from anew in every step;
it is differentiable. The pictures beside the one dreamed on are among the channels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batcountry.calls import Calls
from batcountry.errors import RecipeError


class Dice(Protocol):
    """Where random numbers come from: a `numpy.random.RandomState`, or `numpy.random` itself."""

    def randint(self, low: int, high: int, size: int) -> NDArray[np.int_]:
        """Return `size` whole numbers from `low` up to but not including `high`."""
        ...

    def uniform(self, low: float, high: float, size: int) -> NDArray[np.float64]:
        """Return `size` numbers from `low` to `high`."""
        ...


Transform = Callable[[Tensor, Dice], Tensor]
"""From pictures, (N, C, H, W), and dice, to pictures that may be of another height and width."""


def jitter(largest: int) -> Transform:
    """Roll pictures round by a random number of pixels up to `largest`: along x, then along y.

    What leaves at one side comes in at the other (deepdream's notebook, 2015).
    """
    if largest < 0:
        raise RecipeError("jitter is a number of pixels, 0 or more")

    def roll(pictures: Tensor, dice: Dice) -> Tensor:
        ox, oy = (int(each) for each in dice.randint(-largest, largest + 1, 2))
        return torch.roll(pictures, (oy, ox), (-2, -1)) if ox or oy else pictures

    return roll


known: dict[str, Callable[..., Transform]] = {"jitter": jitter}
"""Transforms that the text form knows, by name. Put your own function in to extend it."""

_calls = Calls("transform", known)


def parse(text: str) -> list[Transform]:
    """Read transforms from text such as `jitter(8), jitter(4)`, in order.

    Raises
    ------
    RecipeError
        If the text is something else; the message points at the character.
    """
    value = _calls.parse(text)
    found = value if isinstance(value, list) else [value]
    if not all(callable(each) for each in found):
        raise _calls.wrong(text.strip(), 0, "transforms are calls with commas between")
    return found
