"""Numbers that programs hand to objectives, as Python's own."""

from __future__ import annotations

from math import inf, isfinite
from typing import Any

import numpy as np
from torch import Tensor

from batcountry.errors import RecipeError


def plain_number(value: Any) -> Any:
    """Return a number of NumPy's or PyTorch's, without axes, as one of Python's, and all else as it is."""
    is_number = isinstance(value, (np.generic, np.ndarray, Tensor)) and value.ndim == 0
    return value.item() if is_number else value


def finite(number: Any, what: str) -> float:
    """Return a number as one of Python's; raises `RecipeError` if it is not finite."""
    try:
        plain = float(number)
    except OverflowError:
        plain = inf
    if not isfinite(plain):
        raise RecipeError(f"{what} must be a finite number, not {plain}")
    return plain
