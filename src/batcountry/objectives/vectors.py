"""Numbers that objectives are given for the channels of a layer: written in their text, or in a `.npy` file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batcountry.backend.reading import check_plain
from batcountry.caffe.formats.means import DAMAGED_ARRAY
from batcountry.errors import RecipeError
from batcountry.models.model import Model

_MOST = 1_000_000
_MOST_BYTES = 32 * _MOST


@dataclass(frozen=True)
class Vector:
    """Numbers for a layer's channels, or for those of several of its places.

    Attributes
    ----------
    label
        What stands for them in text: a file's name, or the numbers in lists.
    """

    label: Any

    @classmethod
    def of(cls, numbers: Any) -> Vector:
        """Return those that were given as an array, a tensor or lists, or as the name of a `.npy` file."""
        if isinstance(numbers, str) or hasattr(numbers, "__fspath__"):
            return cls(str(numbers))
        plain = numbers.detach().cpu() if isinstance(numbers, Tensor) else numbers
        try:
            return cls(np.asarray(plain, float).tolist())
        except (TypeError, ValueError):
            raise RecipeError("a direction is a list of numbers, or a .npy file of them") from None

    @property
    def flat(self) -> Vector:
        """The same in one list."""
        return self if isinstance(self.label, str) else Vector(np.ravel(self.label).tolist())

    @property
    def files(self) -> tuple[str, ...]:
        """The file that is opened for them, if any."""
        return (self.label,) if isinstance(self.label, str) else ()

    def of_channels(self, model: Model, layer: str) -> Tensor:
        """Return one number for each channel of a layer, (C,).

        Raises
        ------
        RecipeError
            If there are not as many, one of them is not finite, or the file cannot be read.
        """
        numbers, channels = self._read().ravel(), model.layer(layer).channels
        if numbers.shape != (channels,):
            raise RecipeError(
                f"a direction in layer {layer!r} is {channels} finite numbers, not {numbers.size} as given"
            )
        if not np.isfinite(numbers).all():
            raise RecipeError(f"a direction in layer {layer!r} is of finite numbers only")
        return torch.from_numpy(numbers).to(model.device)

    def of_places(self, model: Model, layer: str) -> Tensor:
        """Return numbers for each channel at each of some places, (1, C, h, w), from (h, w, C) or (1, h, w, C).

        Raises
        ------
        RecipeError
            As `of_channels`.
        """
        numbers, channels = self._read(), model.layer(layer).channels
        if numbers.ndim == 4 and len(numbers) == 1:
            numbers = numbers[0]
        if numbers.ndim != 3 or numbers.shape[-1] != channels or not numbers.size:
            raise RecipeError(
                f"a tensor in layer {layer!r} is height × width × {channels} numbers, not of the shape {numbers.shape}"
            )
        if not np.isfinite(numbers).all():
            raise RecipeError(f"a tensor in layer {layer!r} is of finite numbers only")
        return torch.from_numpy(numbers.transpose(2, 0, 1)[None].copy()).to(model.device)

    def _read(self) -> NDArray[np.float32]:
        if not isinstance(self.label, str):
            return np.asarray(self.label, np.float32)
        try:
            check_plain(Path(self.label), most=_MOST_BYTES, error=RecipeError)
            numbers = np.lib.format.open_memmap(Path(self.label), mode="r")  # np.load would open archives too
            if numbers.size > _MOST:
                raise ValueError("it has more than a million numbers")
            return np.asarray(numbers, np.float32)
        except (RecipeError, *DAMAGED_ARRAY) as error:
            raise RecipeError(
                f"{self.label} cannot be read as a direction: {error}; give a .npy file of numbers"
            ) from None


def in_channels(values: Tensor, activation: Tensor) -> Tensor:
    """Return numbers of channels, (C,), as (1, C, 1, …), to go with activations (N, C, …)."""
    return values.reshape(1, -1, *[1] * (activation.ndim - 2)).to(activation.dtype)
