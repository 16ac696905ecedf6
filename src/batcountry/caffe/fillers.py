"""Fillers: what weights are before any file gives them."""

from __future__ import annotations

from collections.abc import Callable
from math import prod, sqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batcountry.caffe.proto.caffe_pb2 import FillerParameter
from batcountry.errors import ModelError

MAX_BLOB = 1 << 29
"""Most numbers in one blob of weights: five times the largest of VGG's."""

MAX_FILLED = 100_000_000
"""Most numbers other than zero that a net's fillers may make."""

Shape = tuple[int, ...]


def is_zero(filler: Any) -> bool:
    """Whether a filler leaves zeros, which cost nothing."""
    return filler.type == "constant" and not filler.value


def constant(value: float) -> Any:
    """Return the filler that sets every weight to `value`."""
    return FillerParameter(value=value)


def filled(filler: Any, shape: Shape) -> Tensor:
    """Return weights of `shape`, float32, as a `FillerParameter` says, drawn from NumPy's global generator.

    Raises
    ------
    ModelError
        If the filler is of another kind than those in `FILLERS`.
    """
    try:
        if filler.type == "constant":
            # NumPy's zeros take no memory until they are written to.
            values: NDArray[Any] = np.zeros(shape, np.float32)
            if filler.value:
                values[...] = filler.value
        else:
            values = FILLERS[filler.type](filler, shape)
    except MemoryError:
        raise ModelError(f"there is not enough memory for weights of shape {shape}") from None
    except KeyError:
        raise ModelError(
            f"the filler {filler.type!r} is not known; known are constant, {', '.join(FILLERS)}"
        ) from None
    return torch.from_numpy(np.asarray(values, dtype=np.float32))


def _uniform(filler: Any, shape: Shape) -> NDArray[Any]:
    return np.random.uniform(filler.min, filler.max, shape)


def _gaussian(filler: Any, shape: Shape) -> NDArray[Any]:
    values = np.random.normal(filler.mean, abs(filler.std), shape)
    if filler.sparse >= 0:
        # Each input reaches about `sparse` outputs.
        values = values * (np.random.uniform(size=shape) < filler.sparse / max(shape[0] if shape else 1, 1))
    return values


def _fan(filler: Any, shape: Shape) -> float:
    total = prod(shape)
    fan_in = total // max(shape[0] if shape else 1, 1)
    fan_out = total // max(shape[1], 1) if len(shape) > 1 else total
    return float((fan_in, fan_out, (fan_in + fan_out) / 2)[filler.variance_norm] or 1)


def _xavier(filler: Any, shape: Shape) -> NDArray[Any]:
    bound = sqrt(3 / _fan(filler, shape))
    return np.random.uniform(-bound, bound, shape)


def _msra(filler: Any, shape: Shape) -> NDArray[Any]:
    return np.random.normal(0, sqrt(2 / _fan(filler, shape)), shape)


def _positive_unitball(filler: Any, shape: Shape) -> NDArray[Any]:  # noqa: ARG001
    values = np.random.uniform(size=shape)
    rows = values.reshape(shape[0] if shape else 1, -1)
    return (rows / rows.sum(1, keepdims=True)).reshape(shape)


def _bilinear(filler: Any, shape: Shape) -> NDArray[Any]:  # noqa: ARG001
    if len(shape) != 4 or shape[2] != shape[3]:
        raise ModelError(f"the bilinear filler is for square windows of four axes, not for {shape}")
    side = shape[3]
    factor = -(-side // 2)
    tent = 1 - np.abs(np.arange(side) / factor - (side - 1) / (2 * factor))
    return np.broadcast_to(np.outer(tent, tent), shape)


FILLERS: dict[str, Callable[[Any, Shape], NDArray[Any]]] = {
    "uniform": _uniform,
    "gaussian": _gaussian,
    "xavier": _xavier,
    "msra": _msra,
    "positive_unitball": _positive_unitball,
    "bilinear": _bilinear,
}
"""Random and shaped fillers by name: Glorot and Bengio (2010) for xavier, He et al. (2015) for msra."""
