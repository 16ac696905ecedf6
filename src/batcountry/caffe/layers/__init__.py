"""Caffe's layer types, one file per family; importing this registers all of them."""

from batcountry.caffe.layers import (
    activation,
    combine,
    convolution,
    dense,
    inputs,
    normalization,
    pooling,
    shape,
)
from batcountry.caffe.layers.registry import caffe_layer, check_supported, layer_type, names

__all__ = [
    "activation",
    "caffe_layer",
    "check_supported",
    "combine",
    "convolution",
    "dense",
    "inputs",
    "layer_type",
    "names",
    "normalization",
    "pooling",
    "shape",
]
