"""What joins blobs and takes them apart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from batcountry.caffe.layers.registry import along, caffe_layer
from batcountry.caffe.proto.caffe_pb2 import EltwiseParameter

# ruff: noqa: ARG001


def _joined_along(layer: Any) -> int:
    p = layer.concat_param
    return p.concat_dim if p.HasField("concat_dim") else p.axis


@caffe_layer("Concat", window=lambda layer: along(_joined_along(layer)))
def concat(layer: Any, params: Sequence[Tensor], *bottoms: Tensor) -> Tensor:
    """Join along an axis, channels if none is named."""
    return torch.cat(bottoms, _joined_along(layer))


def _cut_along(layer: Any) -> int:
    p = layer.slice_param
    return p.slice_dim if p.HasField("slice_dim") else p.axis


@caffe_layer("Slice", window=lambda layer: along(_cut_along(layer)))
def slice_(layer: Any, params: Sequence[Tensor], x: Tensor) -> tuple[Tensor, ...]:
    """Cut along an axis, at the given points or into equal parts."""
    p = layer.slice_param
    axis = _cut_along(layer)
    size = x.shape[axis]
    tops = len(layer.top)
    points = list(p.slice_point) or [size // tops * i for i in range(1, tops)]
    if len(points) != tops - 1 or (not p.slice_point and size % tops):
        raise ValueError(f"cannot slice {size} into {tops} parts at {points}")
    edges = [0, *points, size]
    return x.split([end - start for start, end in pairwise(edges)], axis)  # type: ignore[no-untyped-call]


@caffe_layer("Split")
def split(layer: Any, params: Sequence[Tensor], x: Tensor) -> tuple[Tensor, ...]:
    """Hand the same blob to several readers; their gradients add up."""
    return tuple(x.view_as(x) for _ in layer.top)


@caffe_layer("Axpy")
def axpy(layer: Any, params: Sequence[Tensor], scale: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Multiply each channel of x by a number, (N, C) or (N, C, 1, 1), and add y (SENet; Hu et al., 2018)."""
    if tuple(scale.shape[:2]) != tuple(x.shape[:2]) or x.shape != y.shape:
        raise ValueError("it needs one number for each channel, and two blobs of one shape")
    return scale.reshape(*x.shape[:2], *[1] * (x.ndim - 2)) * x + y


class _SecondWins(torch.autograd.Function):
    """The larger of two, where of equal ones the second takes the gradient, as in Caffe."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, first_on_ties: bool) -> Tensor:
        mask = a >= b if first_on_ties else a > b
        ctx.save_for_backward(mask)
        return torch.where(mask, a, b)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        (mask,) = ctx.saved_tensors
        return grad * mask, grad * ~mask, None


@caffe_layer("Eltwise")
def eltwise(layer: Any, params: Sequence[Tensor], first: Tensor, *rest: Tensor) -> Tensor:
    """Add (with coefficients), multiply, or take the largest of blobs of one shape."""
    p, bottoms = layer.eltwise_param, (first, *rest)
    if any(each.shape != first.shape for each in rest):
        raise ValueError("its bottoms are not of one shape")
    if p.coeff and p.operation == EltwiseParameter.PROD:
        raise ValueError("coefficients are for sums only")
    if p.coeff and len(p.coeff) != len(bottoms):
        raise ValueError(f"{len(p.coeff)} coefficients are given for {len(bottoms)} bottoms")
    if p.operation == EltwiseParameter.PROD:
        return reduce(torch.mul, bottoms)
    if p.operation == EltwiseParameter.MAX:
        largest = _SecondWins.apply(bottoms[0], bottoms[1], False)  # type: ignore[no-untyped-call]
        return reduce(lambda a, b: _SecondWins.apply(a, b, True), bottoms[2:], largest)  # type: ignore[no-untyped-call]
    weighted = [x * c for x, c in zip(bottoms, p.coeff, strict=True)] if p.coeff else bottoms
    return reduce(torch.add, weighted)
