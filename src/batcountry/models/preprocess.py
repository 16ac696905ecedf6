"""How a picture enters a network that was trained on normalized colors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

import torch
from torch import Tensor

from batcountry.errors import ModelError

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of red, green and blue from 0 to 1, as torchvision and timm state them."""

Input = Literal["gray", "rgb", "bgr", "rgba"] | int

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow's mode L
_CHANNELS = {"gray": 1, "rgb": 3, "bgr": 3, "rgba": 4}
_NAMED = {1: "gray", 3: "rgb", 4: "rgba"}
_LEVELS = 255.0


@dataclass(frozen=True)
class Entry:
    """From a picture to a network's input.

    Attributes
    ----------
    kind
        `gray`, `rgb`, `bgr`, `rgba` or `channels`.
    mean, std
        Of each of the network's channels, in gray levels.
    """

    kind: str
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of(
        cls,
        input: Any = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
    ) -> Entry:
        """Return the entry of a network.

        Parameters
        ----------
        input
            What the network takes: `gray` or 1, `rgb` or 3 (the default), `bgr`, `rgba` or 4, or
            another number of channels.
        mean, std
            One number, or one for each of the network's channels in its order, from 0 to 1 as
            torchvision and timm state them. If one of them is above 1, both are in gray levels.
            By default ImageNet's for `rgb` and `bgr`, and 0 and 1 for the others.

        Raises
        ------
        ModelError
            If there is no such input, or the numbers do not fit it.
        """
        kind, channels = _kind(3 if input is None else input)
        if mean is None and std is None and kind in ("rgb", "bgr"):
            step = 1 if kind == "rgb" else -1
            mean, std = IMAGENET_MEAN[::step], IMAGENET_STD[::step]
        means = _numbers("mean", 0.0 if mean is None else mean, channels)
        stds = _numbers("std", 1.0 if std is None else std, channels)
        factor = 1.0 if _are_levels(means, stds) else _LEVELS
        return cls(kind, tuple(each * factor for each in means), tuple(each * factor for each in stds))

    @property
    def channels(self) -> int:
        """How many channels the network takes."""
        return len(self.mean)

    @property
    def picture_mean(self) -> tuple[float, ...]:
        """What is taken off each channel of a picture, in gray levels: of red, green and blue, or of all n."""
        if self.kind == "gray":
            return self.mean * 3
        return self.mean[::-1] if self.kind == "bgr" else self.mean[:3] if self.kind == "rgba" else self.mean

    def __call__(self, x: Tensor) -> Tensor:
        """Return the network's input for a picture in gray levels whose mean was taken off, (N, 3 or n, H, W).

        Gray is the picture's luma; the alpha of `rgba` is opaque.
        """
        if self.kind == "gray":
            x = (x * x.new_tensor(_LUMA).reshape(1, 3, 1, 1)).sum(1, keepdim=True)
        elif self.kind == "bgr":
            x = x.flip(1)
        elif self.kind == "rgba":
            opaque = x.new_full((x.shape[0], 1, *x.shape[2:]), _LEVELS - self.mean[3])
            x = torch.cat([x, opaque], 1)
        return x / x.new_tensor(self.std).reshape(1, -1, 1, 1)


def _kind(input: Any) -> tuple[str, int]:
    if isinstance(input, str) and input.isdigit():
        input = int(input)
    if isinstance(input, int) and not isinstance(input, bool):
        if not 1 <= input <= 1024:
            raise ModelError(f"a network's input has 1 to 1024 channels, not {input}")
        return _NAMED.get(input, "channels"), input
    if input not in _CHANNELS:
        raise ModelError(
            f"there is no input {input!r}; give {', '.join(_CHANNELS)} or the number of channels"
        )
    return str(input), _CHANNELS[str(input)]


def _are_levels(means: Sequence[float], stds: Sequence[float]) -> bool:
    """Whether a mean and a std are in gray levels, rather than from 0 to 1."""
    if min(stds) <= 0:
        raise ModelError(f"std must be above 0, not {min(stds):g}")
    by_mean = any(abs(each) > 1 for each in means)
    by_std = any(each > 1 for each in stds)
    fractions = any(0 < abs(each) <= 1 for each in means) and not by_mean
    if (by_std and fractions) or (by_mean and any(each < 1 for each in stds)):
        units = ("gray levels", "0 to 1") if by_mean else ("0 to 1", "gray levels")
        raise ModelError(
            f"mean {_said(means)} reads as {units[0]} and std {_said(stds)} as {units[1]}; give both in one unit"
        )
    return by_mean or by_std


def _numbers(name: str, given: Any, channels: int) -> tuple[float, ...]:
    try:
        found = [float(each) for each in (given if isinstance(given, Sequence) else [given])]
    except (TypeError, ValueError):
        raise ModelError(f"{name} takes numbers, not {given!r}") from None
    if len(found) not in (1, channels) or not all(map(isfinite, found)):
        raise ModelError(f"{name} must be one finite number, or {channels} of them, not {given!r}")
    return tuple(found * channels if len(found) == 1 else found)


def _said(numbers: Sequence[float]) -> str:
    return ", ".join(f"{each:g}" for each in numbers)
