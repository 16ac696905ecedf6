"""A transform that adds to pictures: noise."""

from __future__ import annotations

import torch
from torch import Tensor

from batcountry.errors import RecipeError
from batcountry.transforms.base import Dice, Transform

_COLOURS = 3


def noise(least: float, most: float | None = None) -> Transform:
    """Add normal noise whose standard deviation is drawn from `least` to `most`, in grey levels, 0 to 255.

    With no `most` it is always `least`. What grows must be seen through the noise, so faint patterns that only a
    network sees do not pay, and shapes do: the mean gradient over noisy pictures is that of a smoother network, along
    which people see more, too (Smilkov and others: "SmoothGrad", 2017; Kaur, Cohen, Lipton: "Are Perceptually-Aligned
    Gradients a General Property of Robust Classifiers?", 2019).

    All pictures get the same noise; the masks and pictures beside them, which are further channels, get none.
    """
    last = least if most is None else most
    if not 0 <= least <= last <= 255:
        raise RecipeError("noise goes from a smaller number of grey levels to a larger one, both 0 to 255")

    def noisy(pictures: Tensor, dice: Dice) -> Tensor:
        sigma = float(dice.uniform(least, last, 1)[0]) if last > least else least
        seed = int(dice.randint(0, 2**31 - 1, 1)[0])
        if sigma == 0 or pictures.is_meta:  # meta: only the size is asked for
            return pictures
        colours, rest = pictures[:, :_COLOURS], pictures[:, _COLOURS:]
        # Drawn on the CPU, where a seed means the same numbers on every machine.
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randn(colours.shape[1:], generator=generator).to(pictures)
        return torch.cat([colours + sigma * drawn, rest], 1)

    return noisy
