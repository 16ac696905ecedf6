"""A transform that adds to pictures: noise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from batcountry.errors import RecipeError
from batcountry.optim.transforms.base import Rng, Size, Transform

_COLORS = 3


@dataclass(frozen=True)
class Noise:
    """What `noise` makes.

    Attributes
    ----------
    least, most
        Between which the standard deviation is drawn, in gray levels.
    channels
        How many of the first channels are the picture's; the others get no noise.
    """

    least: float
    most: float
    channels: int = _COLORS

    def of_channels(self, channels: int) -> Noise:
        """Return the same noise for pictures of so many channels; see `batcountry.optim.transforms.base.OfChannels`."""
        return replace(self, channels=channels)

    def __call__(self, pictures: Tensor, rng: Rng) -> Tensor:
        """Return pictures, (N, C, H, W), with noise."""
        sigma, seed = self._drawn(rng)
        if sigma == 0 or pictures.is_meta:  # meta: only the size is asked for
            return pictures
        added = white_noise((min(self.channels, pictures.shape[1]), *pictures.shape[-2:]), seed)
        return self._added(pictures, sigma * added.to(pictures))

    def draw(self, rng: Rng, size: Size) -> Tensor:
        """Return what is added, (C, H, W); see `batcountry.optim.transforms.base.Split`."""
        sigma, seed = self._drawn(rng)
        shape = (self.channels, *size)
        return sigma * white_noise(shape, seed) if sigma else torch.zeros(shape)

    def apply(self, pictures: Tensor, drawn: Tensor) -> Tensor:
        """See `batcountry.optim.transforms.base.Split`; the pixels are those of `__call__`."""
        return self._added(pictures, drawn)

    def _drawn(self, rng: Rng) -> tuple[float, int]:
        drawn = self.most > self.least
        sigma = float(rng.uniform(self.least, self.most, 1)[0]) if drawn else self.least
        return sigma, drawn_seed(rng)

    def _added(self, pictures: Tensor, added: Tensor) -> Tensor:
        own, rest = pictures[:, : self.channels], pictures[:, self.channels :]
        return torch.cat([own + added, rest], 1)


def drawn_seed(rng: Rng) -> int:
    """Return a seed for numbers that are drawn by PyTorch."""
    return int(rng.randint(0, 2**31 - 1, 1)[0])


def white_noise(shape: tuple[int, ...], seed: int) -> Tensor:
    """Return normal numbers, drawn on the CPU, where a seed means the same numbers on every machine."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def noise(least: float, most: float | None = None) -> Transform:
    """Add normal noise whose standard deviation is drawn from `least` to `most`, in gray levels, 0 to 255.

    With no `most` it is always `least`. What grows must be seen through the noise, so faint patterns that only a
    network sees do not pay, and shapes do: the mean gradient over noisy pictures is that of a smoother network, along
    which people see more, too (Smilkov and others: "SmoothGrad", 2017; Kaur, Cohen, Lipton: "Are Perceptually-Aligned
    Gradients a General Property of Robust Classifiers?", 2019).

    All pictures get the same noise, each of their channels its own; the masks and pictures beside them, which are
    further channels, get none. A picture has three channels unless `batcountry.optim.transforms.of_channels` says otherwise.
    """
    last = least if most is None else most
    if not 0 <= least <= last <= 255:
        raise RecipeError("noise goes from a smaller number of gray levels to a larger one, both 0 to 255")
    return Noise(least, last)
