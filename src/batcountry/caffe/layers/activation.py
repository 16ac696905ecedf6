"""What acts on each value alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.caffe.layers.registry import Param, Shape, caffe_layer
from batcountry.caffe.messages import FillerParameter

# ruff: noqa: ARG001


@caffe_layer("ReLU")
def relu(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return max(x, 0), or with a negative slope that slope times x below 0."""
    slope = layer.relu_param.negative_slope
    return F.leaky_relu(x, slope) if slope else F.relu(x)


def _prelu_params(layer: Any, bottoms: Sequence[Shape]) -> list[Param]:
    p = layer.prelu_param
    slope = p.filler if p.HasField("filler") else FillerParameter(value=0.25)
    return [Param(() if p.channel_shared else (bottoms[0][1],), slope)]


@caffe_layer("PReLU", params=_prelu_params)
def prelu(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return max(x, 0) plus a learned slope, one a channel or one for all, times min(x, 0)."""
    return F.prelu(x, params[0].reshape(-1))


@caffe_layer("Sigmoid")
def sigmoid(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return 1 / (1 + e^-x)."""
    return torch.sigmoid(x)


@caffe_layer("TanH")
def tanh(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return the hyperbolic tangent."""
    return torch.tanh(x)


@caffe_layer("Power")
def power(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return (shift + scale · x) ** power."""
    p = layer.power_param
    inner = x * p.scale + p.shift
    return inner if p.power == 1 else inner**p.power


@caffe_layer("Dropout")
def dropout(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return x as it is: outside of training nothing is dropped, and Caffe scales while training."""
    return x.view_as(x)
