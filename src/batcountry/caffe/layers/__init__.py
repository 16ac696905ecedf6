"""Caffe's layer types, one file per family; importing this registers all of them.

It is also `caffe.layers`, with which programs write nets: `layers.Convolution(n.data, kernel_size=3)`; see `caffe.net_spec`.
"""

from __future__ import annotations

from typing import Any

from batcountry.caffe import net_spec
from batcountry.caffe.layers import (
    activation,
    combine,
    convolution,
    dense,
    detection,
    inputs,
    normalization,
    pooling,
    python,
    resampling,
    shape,
)
from batcountry.caffe.layers.registry import (
    caffe_layer,
    check_supported,
    lack_of,
    layer_type,
    names,
    unsupported,
)

__all__ = [
    "activation",
    "caffe_layer",
    "check_supported",
    "combine",
    "convolution",
    "dense",
    "detection",
    "inputs",
    "lack_of",
    "layer_type",
    "names",
    "normalization",
    "pooling",
    "python",
    "resampling",
    "shape",
    "unsupported",
]


def __getattr__(name: str) -> Any:
    """Return the function that writes layers of a type; its name begins with a capital, which no module's does."""
    if not name[:1].isupper():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(net_spec.layers, name)
