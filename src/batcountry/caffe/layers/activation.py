"""What acts on each value alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.caffe.fillers import constant
from batcountry.caffe.layers.registry import Param, Shape, caffe_layer
from batcountry.caffe.proto.caffe_pb2 import TRAIN

# ruff: noqa: ARG001


@caffe_layer("ReLU")
def relu(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return max(x, 0), or with a negative slope that slope times x below 0."""
    slope = layer.relu_param.negative_slope
    return F.leaky_relu(x, slope) if slope else F.relu(x)


@caffe_layer("ReLU6")
def relu6(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return min(max(x, 0), 6) (forks; MobileNet v2)."""
    return F.relu6(x)


@caffe_layer("CReLU")
def concatenated_relu(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return max(x, 0) and max(-x, 0) as twice as many channels (forks; Shang et al., 2016)."""
    return F.relu(torch.cat([x, -x], 1))


def _prelu_params(layer: Any, bottoms: Sequence[Shape]) -> list[Param]:
    p = layer.prelu_param
    slope = p.filler if p.HasField("filler") else constant(0.25)
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
    """Return x as it is; while training drop values at random and scale up the rest.

    Without `scale_train` (the fork of Fast R-CNN) x is scaled down at other times instead.
    """
    p = layer.dropout_param
    if layer.phase == TRAIN:
        dropped = F.dropout(x, p.dropout_ratio)
        return dropped if p.scale_train else dropped * (1 - p.dropout_ratio)
    return x.view_as(x) if p.scale_train else x * (1 - p.dropout_ratio)


@caffe_layer("AbsVal")
def absolute(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return |x|, with gradient 0 at 0."""
    return x.abs()


@caffe_layer("BNLL")
def bnll(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return log(1 + e^x)."""
    return F.softplus(x, threshold=50)


@caffe_layer("Clip")
def clip(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Keep x between two bounds; the gradient passes at the bounds themselves."""
    return x.clamp(layer.clip_param.min, layer.clip_param.max)


@caffe_layer("ELU")
def elu(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return x, or alpha · (e^x - 1) below 0."""
    return F.elu(x, layer.elu_param.alpha)


@caffe_layer("Exp")
def exponential(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return base ** (shift + scale · x); the base is e if it is -1."""
    p = layer.exp_param
    return ((x * p.scale + p.shift) * (1.0 if p.base == -1 else math.log(p.base))).exp()


@caffe_layer("Log")
def logarithm(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return the logarithm of shift + scale · x; the base is e if it is -1."""
    p = layer.log_param
    return (x * p.scale + p.shift).log() / (1.0 if p.base == -1 else math.log(p.base))


@caffe_layer("Swish")
def swish(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return x · sigmoid(beta · x)."""
    return x * torch.sigmoid(x * layer.swish_param.beta)


@caffe_layer("Threshold")
def threshold(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return 1 above the threshold and 0 elsewhere; there is no gradient."""
    return (x > layer.threshold_param.threshold).to(x.dtype)
