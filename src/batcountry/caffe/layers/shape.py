"""What changes a blob's shape, or sums it up."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor

from batcountry.backend.receptive_field import Window
from batcountry.caffe.layers.registry import along, caffe_layer, everything
from batcountry.caffe.proto.caffe_pb2 import ReductionParameter

# ruff: noqa: ARG001


@caffe_layer("Reshape", window=everything)
def reshape(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Give some axes another shape: 0 keeps an axis, -1 is worked out. A negative `axis` counts from one past the end."""
    p = layer.reshape_param
    start = p.axis if p.axis >= 0 else x.ndim + p.axis + 1
    end = x.ndim if p.num_axes == -1 else start + p.num_axes
    sizes = [x.shape[start + i] if size == 0 else size for i, size in enumerate(p.shape.dim)]
    if -1 in sizes:
        rest = prod(x.shape[start:end])
        known = prod(size for size in sizes if size != -1)
        if known == 0 or rest % known:
            raise ValueError(f"cannot make {sizes} of {rest} numbers")
        sizes[sizes.index(-1)] = rest // known
    return x.reshape((*x.shape[:start], *sizes, *x.shape[end:]))


def _crop_window(layer: Any) -> Window:
    """Tell by how much the places are shifted, along both axes of a picture."""
    p = layer.crop_param
    cut = max(0, 4 - p.axis % 4)
    offsets = list(p.offset) or [0]
    offsets = (offsets * cut if len(offsets) == 1 else offsets)[-2:]
    shifts = [0] * (2 - min(cut, 2)) + offsets[: min(cut, 2)]
    return Window(-min(shifts), max(shifts))


@caffe_layer("Crop", window=_crop_window)
def crop(layer: Any, params: Sequence[Tensor], x: Tensor, like: Tensor) -> Tensor:
    """Cut the first bottom, from an axis on, to the size of the second."""
    p = layer.crop_param
    start = p.axis % x.ndim
    offsets = list(p.offset) or [0]
    for axis in range(start, x.ndim):
        offset = offsets[0] if len(offsets) == 1 else offsets[axis - start]
        x = x.narrow(axis, offset, like.shape[axis])
    return x


@caffe_layer("Tile", window=lambda layer: along(layer.tile_param.axis))
def tile(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Repeat along an axis."""
    p = layer.tile_param
    if p.tiles < 1:
        raise ValueError("it repeats less than once")
    repeats = [1] * x.ndim
    repeats[p.axis] = p.tiles
    return x.repeat(repeats)


@caffe_layer("Reduction", window=everything)
def reduction(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Sum up all axes from one on: their sum, sum of sizes, sum of squares or mean, times a factor."""
    p = layer.reduction_param
    rows = x.flatten(p.axis % x.ndim) if p.axis % x.ndim else x.flatten()
    if p.operation == ReductionParameter.MEAN:
        return rows.mean(-1) * p.coeff
    values = {ReductionParameter.ASUM: torch.abs, ReductionParameter.SUMSQ: torch.square}.get(p.operation)
    return (values(rows) if values else rows).sum(-1) * p.coeff


@caffe_layer("ArgMax", window=everything)
def argmax(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Return where the largest values are, along an axis or in each item as (N, 1 or 2, k); there is no gradient."""
    p = layer.argmax_param
    if p.HasField("axis"):
        values, indices = _largest(x, p.top_k, p.axis)
        return values if p.out_max_val else indices
    values, indices = _largest(x.flatten(1), p.top_k, 1)
    found = [indices, values] if p.out_max_val else [indices]
    return torch.stack(found, 1).reshape(x.shape[0], len(found), p.top_k, *[1] * max(0, x.ndim - 3))


def _largest(x: Tensor, count: int, axis: int) -> tuple[Tensor, Tensor]:
    """Return the largest values and their indices; of equal ones the last comes first, as in Caffe."""
    size = x.shape[axis]
    if not 1 <= count <= size:
        raise ValueError(f"cannot take the {count} largest of {size}")
    values, indices = x.flip(axis).sort(dim=axis, descending=True, stable=True)
    return values.narrow(axis, 0, count), (size - 1 - indices.narrow(axis, 0, count)).to(x.dtype)


@caffe_layer("Permute", window=everything)
def permute(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Put the axes in another order; those not named come last, in their own (SSD; Liu et al., 2016)."""
    order = list(layer.permute_param.order)
    return x.permute(*order, *(axis for axis in range(x.ndim) if axis not in order)).contiguous()


@caffe_layer("ShuffleChannel")
def shuffle_channel(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Take channels from each of some groups in turn (ShuffleNet; Zhang et al., 2018)."""
    groups = layer.shuffle_channel_param.group
    if not groups or x.shape[1] % groups:
        raise ValueError(f"{x.shape[1]} channels are not {groups} groups")
    return x.reshape(x.shape[0], groups, -1, *x.shape[2:]).transpose(1, 2).flatten(1, 2)


@caffe_layer("BatchReindex")
def batch_reindex(layer: Any, params: Sequence[Tensor], x: Tensor, order: Tensor) -> Tensor:
    """Pick items of the batch by their numbers in the second bottom."""
    return x.index_select(0, order.flatten().long())
