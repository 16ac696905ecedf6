"""Fully connected layers, and what stands around them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.caffe.layers.registry import Param, Shape, along, caffe_layer, everything


def _params(layer: Any, bottoms: Sequence[Shape]) -> list[Param]:
    p = layer.inner_product_param
    inner = prod(bottoms[0][p.axis % len(bottoms[0]) :])
    shape = (inner, p.num_output) if p.transpose else (p.num_output, inner)
    found = [Param(shape, p.weight_filler)]
    return [*found, Param((p.num_output,), p.bias_filler)] if p.bias_term else found


@caffe_layer("InnerProduct", params=_params, window=everything)
def inner_product(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Multiply all values from an axis on by a matrix."""
    p = layer.inner_product_param
    weight = params[0].t() if p.transpose else params[0]
    return F.linear(x.flatten(p.axis % x.ndim), weight, params[1] if p.bias_term else None)


@caffe_layer("Softmax", window=lambda layer: along(layer.softmax_param.axis))
def softmax(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:  # noqa: ARG001
    """Exponentials that sum to 1 along an axis."""
    return torch.softmax(x, layer.softmax_param.axis)


@caffe_layer("Flatten", window=everything)
def flatten(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:  # noqa: ARG001
    """Make one axis of several."""
    p = layer.flatten_param
    return x.flatten(p.axis % x.ndim, p.end_axis % x.ndim)


def _embed_params(layer: Any, bottoms: Sequence[Shape]) -> list[Param]:  # noqa: ARG001
    p = layer.embed_param
    found = [Param((p.input_dim, p.num_output), p.weight_filler)]
    return [*found, Param((p.num_output,), p.bias_filler)] if p.bias_term else found


@caffe_layer("Embed", params=_embed_params, window=everything)
def embed(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Look up a row of the weights for each number of x, which takes no gradient."""
    rows = F.embedding(x.long(), params[0])
    return rows + params[1] if layer.embed_param.bias_term else rows
