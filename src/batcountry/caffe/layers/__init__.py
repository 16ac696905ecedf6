"""Caffe's layer types, one file per family; importing this registers all of them."""

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
