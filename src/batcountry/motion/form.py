"""What of a film is stored between frames: arrays by name, and what each has to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
