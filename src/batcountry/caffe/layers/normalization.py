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
from batcountry.caffe.proto.caffe_pb2 import TRAIN, BNParameter, LRNParameter


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


def _batch_norm_params(layer: Any, bottoms: Sequence[Shape]) -> list[Param]:
    p = layer.batch_norm_param
    channels = bottoms[0][1] if len(bottoms[0]) > 1 else 1
    zero = constant(0)
    found = [Param((channels,), zero), Param((channels,), zero), Param((1,), zero)]
    if p.scale_bias:
        found += [Param((channels,), _or_one(p, "scale_filler")), Param((channels,), p.bias_filler)]
    return found


def _or_one(p: Any, filler: str) -> Any:
    return getattr(p, filler) if p.HasField(filler) else constant(1)


def _own_statistics(layer: Any) -> bool:
    p = layer.batch_norm_param
    return not (p.use_global_stats if p.HasField("use_global_stats") else layer.phase != TRAIN)


def _batch_norm_window(layer: Any) -> Window | None:
    return None if _own_statistics(layer) else Window()


@caffe_layer("BatchNorm", params=_batch_norm_params, window=_batch_norm_window)
def batch_norm(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Take off the mean and divide by the deviation; both are divided by the third blob, or 0 if that is 0.

    With the batch's own statistics, as while training, the stored ones are left as they are. With `scale_bias`
    (NVIDIA's Caffe) a scale and a bias follow, as in a Scale layer.
    """
    p = layer.batch_norm_param
    if _own_statistics(layer):
        mean, variance = _statistics(x)
    else:
        factor = torch.where(params[2] == 0, torch.zeros_like(params[2]), 1 / params[2])
        mean, variance = params[0] * factor, params[1] * factor
    y = (x - _channels(mean, x)) * _channels((variance + p.eps) ** -0.5, x)
    return y * _channels(params[3], x) + _channels(params[4], x) if p.scale_bias else y


def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean and variance of each channel over the batch."""
    axes = [each for each in range(x.ndim) if each != 1 or x.ndim == 1]
    mean = x.mean(axes)
    return mean, (x - _channels(mean, x)).square().mean(axes)


_SEGNETS_EPS = 1e-9


def _is_segnets(p: Any) -> bool:
    """Whether a BN layer is SegNet's, with two blobs of weights, and not PSPNet's with four."""
    return any(p.HasField(each) for each in ("bn_mode", "scale_filler", "shift_filler"))


def _learns(layer: Any) -> bool:
    p = layer.bn_param
    return p.bn_mode == BNParameter.LEARN if _is_segnets(p) else layer.phase == TRAIN and not p.frozen


def _bn_params(layer: Any, bottoms: Sequence[Shape]) -> list[Param]:
    p, shape = layer.bn_param, (1, bottoms[0][1], 1, 1)
    if _is_segnets(p):
        return [Param(shape, _or_one(p, "scale_filler")), Param(shape, p.shift_filler)]
    learned = [Param(shape, _or_one(p, "slope_filler")), Param(shape, p.bias_filler)]
    return [*learned, Param(shape, constant(0)), Param(shape, constant(1))]


@caffe_layer("BN", params=_bn_params, window=lambda layer: None if _learns(layer) else Window())
def bn(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Normalize each channel and scale it: the layers of this name in two forks.

    SegNet's has a scale and a shift, which in its `INFERENCE` mode are all there is, as its statistics are folded into
    them; in its `LEARN` mode the batch's own statistics come first. PSPNet's has a slope, a bias, a mean and a variance.
    """
    p = layer.bn_param
    scale, shift = (_channels(each, x) for each in params[:2])
    if _learns(layer):
        mean, variance = _statistics(x)
    elif _is_segnets(p):
        return x * scale + shift
    else:
        mean, variance = params[2:]
    eps = _SEGNETS_EPS if _is_segnets(p) else p.eps
    return (x - _channels(mean, x)) * _channels((variance + eps) ** -0.5, x) * scale + shift


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
        # Of a channel that is even the deviation is 0, where a square root has no derivative; its own does not count there.
        variance = rows.square().mean(-1, keepdim=True).clamp_min(torch.finfo(rows.dtype).tiny)
        rows = rows / (variance.sqrt() + p.eps)
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


def unit_length(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:  # noqa: ARG001
    """Divide by the length of each position's channels (forks; as NetVLAD and face nets have it)."""
    return x / (x.square().sum(1, keepdim=True) + _LEAST_SQUARE).sqrt()


_LEAST_SQUARE = 1e-12

for _name in ("L2Norm", "L2Normalization", "L2Normalize"):
    caffe_layer(_name)(unit_length)
