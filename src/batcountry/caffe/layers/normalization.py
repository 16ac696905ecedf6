"""Normalization and per-channel scaling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.kernels.lrn import lrn
from batcountry.backend.receptive_field import Window
from batcountry.caffe.fillers import constant
from batcountry.caffe.layers.registry import Param, Shape, caffe_layer, everything
from batcountry.caffe.proto.caffe_pb2 import TRAIN, LRNParameter


def _lrn_window(layer: Any) -> Window:
    p = layer.lrn_param
    half = (p.local_size - 1) // 2 if p.norm_region == LRNParameter.WITHIN_CHANNEL else 0
    return Window(half, half)


@caffe_layer("LRN", window=_lrn_window)
def local_response_norm(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:  # noqa: ARG001
    """Divide by the energy of neighboring channels, or of neighboring positions (where k counts as 1)."""
    p = layer.lrn_param
    if is_across_channels(layer):
        return across_channels(layer, x)
    energy = F.avg_pool2d(x * x, p.local_size, 1, (p.local_size - 1) // 2)
    return x * (1 + p.alpha * energy) ** -p.beta


def across_channels(layer: Any, x: Tensor, *, relu: bool = False) -> Tensor:
    """Run an LRN layer across channels; see `batcountry.backend.kernels.lrn.lrn`."""
    p = layer.lrn_param
    return lrn(x, p.local_size, p.alpha, p.beta, p.k, relu=relu)


def is_across_channels(layer: Any) -> bool:
    """Whether an LRN layer normalizes across channels."""
    return bool(layer.lrn_param.norm_region == LRNParameter.ACROSS_CHANNELS)


def _batch_norm_params(layer: Any, bottoms: Sequence[Shape]) -> list[Param]:  # noqa: ARG001
    channels = bottoms[0][1] if len(bottoms[0]) > 1 else 1
    zero = constant(0)
    return [Param((channels,), zero), Param((channels,), zero), Param((1,), zero)]


def _own_statistics(layer: Any) -> bool:
    p = layer.batch_norm_param
    return not (p.use_global_stats if p.HasField("use_global_stats") else layer.phase != TRAIN)


def _batch_norm_window(layer: Any) -> Window | None:
    return None if _own_statistics(layer) else Window()


@caffe_layer("BatchNorm", params=_batch_norm_params, window=_batch_norm_window)
def batch_norm(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Take off the mean and divide by the deviation; both are divided by the third blob, or 0 if that is 0.

    With the batch's own statistics, as while training, the stored ones are left as they are.
    """
    p = layer.batch_norm_param
    if _own_statistics(layer):
        axes = [each for each in range(x.ndim) if each != 1 or x.ndim == 1]
        mean = x.mean(axes)
        variance = (x - _channels(mean, x)).square().mean(axes)
    else:
        factor = torch.where(params[2] == 0, torch.zeros_like(params[2]), 1 / params[2])
        mean, variance = params[0] * factor, params[1] * factor
    return (x - _channels(mean, x)) * _channels((variance + p.eps) ** -0.5, x)


def _channels(values: Tensor, like: Tensor) -> Tensor:
    return values.reshape(1, -1, *[1] * (like.ndim - 2)) if like.ndim > 1 else values


def _scaled_shape(p: Any, bottom: Shape) -> Shape:
    axis = p.axis % len(bottom)
    return bottom[axis:] if p.num_axes == -1 else bottom[axis : axis + p.num_axes]


def _scale_params(layer: Any, bottoms: Sequence[Shape]) -> list[Param]:
    p = layer.scale_param
    one = p.filler if p.HasField("filler") else constant(1)
    shape = bottoms[1] if len(bottoms) > 1 else _scaled_shape(p, bottoms[0])
    found = [] if len(bottoms) > 1 else [Param(shape, one)]
    return [*found, Param(shape, p.bias_filler)] if p.bias_term else found


@caffe_layer("Scale", params=_scale_params)
def scale(layer: Any, params: Sequence[Tensor], x: Tensor, factor: Tensor | None = None) -> Tensor:
    """Multiply by factors along some axes, from the weights or a second bottom, and add a bias."""
    p = layer.scale_param
    factor = params[0] if factor is None else factor
    shape = _broadcast_shape(factor, x, p.axis)
    y = x * factor.reshape(shape)
    return y + params[-1].reshape(shape) if p.bias_term else y


def _broadcast_shape(values: Tensor, x: Tensor, axis: int) -> Shape:
    return (*values.shape, *[1] * (x.ndim - axis % x.ndim - values.ndim))


def _bias_params(layer: Any, bottoms: Sequence[Shape]) -> list[Param]:
    p = layer.bias_param
    return [] if len(bottoms) > 1 else [Param(_scaled_shape(p, bottoms[0]), p.filler)]


@caffe_layer("Bias", params=_bias_params)
def bias(layer: Any, params: Sequence[Tensor], x: Tensor, values: Tensor | None = None) -> Tensor:
    """Add values along some axes, from the weights or a second bottom."""
    values = params[0] if values is None else values
    return x + values.reshape(_broadcast_shape(values, x, layer.bias_param.axis))


@caffe_layer("MVN", window=everything)
def mean_variance_norm(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:  # noqa: ARG001
    """Take off the mean of each channel, or of all, and divide by the deviation plus eps."""
    p = layer.mvn_param
    rows = x.flatten(1) if p.across_channels or x.ndim == 1 else x.reshape(*x.shape[:2], -1)
    rows = rows - rows.mean(-1, keepdim=True)
    if p.normalize_variance:
        rows = rows / (rows.square().mean(-1, keepdim=True).sqrt() + p.eps)
    return rows.reshape(x.shape)


def _normalize_params(layer: Any, bottoms: Sequence[Shape]) -> list[Param]:
    p = layer.norm_param
    one = p.scale_filler if p.HasField("scale_filler") else constant(1)
    return [Param(() if p.channel_shared else (bottoms[0][1],), one)]


def _normalize_window(layer: Any) -> Window | None:
    return None if layer.norm_param.across_spatial else Window()


@caffe_layer("Normalize", params=_normalize_params, window=_normalize_window)
def normalize(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Divide by the length of each position's channels, or of the whole item, and scale (SSD; Liu et al., 2016)."""
    p = layer.norm_param
    axes = list(range(1, x.ndim)) if p.across_spatial else [1]
    length = (x.square().sum(axes, keepdim=True) + p.eps).sqrt()
    return x / length * (params[0] if p.channel_shared else _channels(params[0], x))
