"""Fillers: what weights are before any file gives them."""

from __future__ import annotations

from math import prod, sqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor

from batcountry.errors import ModelError


def filled(filler: Any, shape: tuple[int, ...]) -> Tensor:
    """Return weights of `shape`, float32, as a `FillerParameter` says, drawn from NumPy's global generator.

    Knows constant, uniform, gaussian, xavier (Glorot and Bengio, 2010) and msra (He et al., 2015).

    Raises
    ------
    ModelError
        If the filler is of another kind.
    """
    outside = shape[0] if shape else 1
    fan_in, fan_out = (
        prod(shape) // max(outside, 1),
        prod(shape) // max(shape[1], 1) if len(shape) > 1 else prod(shape),
    )
    fan = (fan_in, fan_out, (fan_in + fan_out) / 2)[filler.variance_norm] or 1
    kind = filler.type
    if kind == "constant":
        return torch.full(shape, filler.value)
    if kind == "uniform":
        values = np.random.uniform(filler.min, filler.max, shape)
    elif kind == "gaussian":
        values = np.random.normal(filler.mean, filler.std, shape)
    elif kind == "xavier":
        values = np.random.uniform(-sqrt(3 / fan), sqrt(3 / fan), shape)
    elif kind == "msra":
        values = np.random.normal(0, sqrt(2 / fan), shape)
    else:
        raise ModelError(
            f"the filler {kind!r} is not known; known are constant, uniform, gaussian, xavier and msra"
        )
    return torch.from_numpy(np.asarray(values, dtype=np.float32))
