"""One step of gradient ascent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batcountry.gradient import Gradient


class Dice(Protocol):
    """Where random numbers come from: a `numpy.random.RandomState`, or `numpy.random` itself."""

    def randint(self, low: int, high: int, size: int) -> NDArray[np.int_]:
        """Return `size` whole numbers from `low` up to but not including `high`."""
        ...


@dataclass(frozen=True)
class Ascent:
    """Normalised gradient ascent with jitter, the step of the 2015 deepdream programs.

    Attributes
    ----------
    gradient
        Score and gradient of an image.
    step_size : float
        Mean absolute change of a colour value in one step, in grey levels.
    jitter : int
        Largest shift in pixels: the picture is rolled round by a random amount before the
        network sees it, and back after.
    clip : bool
        Keep the picture within 0 to 255.
    dice
        Drawn from once a step: the shift along x, then along y.
    """

    gradient: Gradient
    step_size: float
    jitter: int
    clip: bool
    dice: Dice

    def step(self, image: Tensor) -> tuple[Tensor, float]:
        """Return the image one step on, (N, 3, H, W) in grey levels, and the score before it."""
        ox, oy = (int(each) for each in self.dice.randint(-self.jitter, self.jitter + 1, 2))
        score, gradient = self.gradient(torch.roll(image, (oy, ox), (-2, -1)))
        gradient = torch.roll(gradient, (-oy, -ox), (-2, -1))
        size = gradient.abs().mean()
        # A dead or saturated network gives no direction; dividing by it would fill the picture with NaN.
        rate = torch.where(size > 0, self.step_size / size, torch.zeros_like(size))
        image = image + rate * gradient
        return (image.clamp_(0, 255) if self.clip else image), score
