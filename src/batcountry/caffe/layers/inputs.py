"""Where data enters a net."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from batcountry.caffe.fillers import MAX_BLOB, constant, filled
from batcountry.caffe.layers.registry import Param, Shape, caffe_layer


@caffe_layer("Silence")
def silence(layer: Any, params: Sequence[Tensor], *bottoms: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    """Take blobs that nobody else needs."""
    return ()


@caffe_layer("Input")
def input_(layer: Any, params: Sequence[Tensor]) -> tuple[Tensor, ...]:  # noqa: ARG001
    """Return the shapes that the layer states; the values are the net's user's to write."""
    shapes = layer.input_param.shape
    if len(shapes) not in (1, len(layer.top)):
        raise ValueError(f"{len(shapes)} shapes are given for {len(layer.top)} blobs")
    if any(size < 0 for shape in shapes for size in shape.dim):
        raise ValueError("it states a size below 0")
    return tuple(
        torch.empty(tuple(shapes[min(i, len(shapes) - 1)].dim), device="meta") for i in range(len(layer.top))
    )


@caffe_layer("DummyData")
def dummy_data(layer: Any, params: Sequence[Tensor]) -> tuple[Tensor, ...]:  # noqa: ARG001
    """Return blobs that fillers fill, with zeros if there is none."""
    p = layer.dummy_data_param
    fillers = list(p.data_filler) or [constant(0)]
    shapes = [tuple(each.dim) for each in p.shape] or list(
        zip(p.num, p.channels, p.height, p.width, strict=True)
    )
    tops = len(layer.top)
    if len(shapes) not in (1, tops) or len(fillers) not in (1, tops):
        raise ValueError(f"{len(shapes)} shapes and {len(fillers)} fillers are given for {tops} blobs")
    if any(prod(shape) > MAX_BLOB or min(shape, default=1) < 0 for shape in shapes):
        raise ValueError("its shapes are larger than any real net's")
    return tuple(
        filled(fillers[min(i, len(fillers) - 1)], shapes[min(i, len(shapes) - 1)]) for i in range(tops)
    )


def keeps_values(layer: Any) -> bool:
    """Whether a layer makes its blobs once and a program may write into them from then on.

    Inputs, and dummy data that is constant: Caffe fills it anew only if it is random.
    """
    if layer.type == "DummyData":
        return all(each.type == "constant" for each in layer.dummy_data_param.data_filler)
    return bool(layer.type == "Input")


def _parameter_params(layer: Any, bottoms: Sequence[Shape]) -> list[Param]:  # noqa: ARG001
    return [Param(tuple(layer.parameter_param.shape.dim), constant(0))]


@caffe_layer("Parameter", params=_parameter_params)
def parameter(layer: Any, params: Sequence[Tensor]) -> Tensor:  # noqa: ARG001
    """Return its weights as a blob."""
    return params[0].view_as(params[0])
