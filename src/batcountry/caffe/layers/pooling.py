"""Pooling with Caffe's rounding, clipping and divisor."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.kernels.pool import Pair, Windows, average_pool, max_pool
from batcountry.backend.receptive_field import Window
from batcountry.caffe.layers.registry import caffe_layer, everything
from batcountry.caffe.proto.caffe_pb2 import PoolingParameter
from batcountry.errors import ModelError


def _side(param: Any, name: str, single: str, default: int) -> tuple[int, int]:
    if param.HasField(f"{name}_h") or param.HasField(f"{name}_w"):
        height, width = (getattr(param, f"{name}_{side}") for side in "hw")
        return (
            height if param.HasField(f"{name}_h") else default,
            width if param.HasField(f"{name}_w") else default,
        )
    return (getattr(param, single),) * 2


def _window(layer: Any) -> Window | None:
    p = layer.pooling_param
    if p.global_pooling:
        return None
    stride, pad = _side(p, "stride", "stride", 1), _side(p, "pad", "pad", 0)
    after = max(k - 1 - p for k, p in zip(_side(p, "kernel", "kernel_size", 1), pad, strict=True))
    return Window(max(pad), after, max(stride), even=stride[0] == stride[1])


@caffe_layer("Pooling", window=_window)
def pooling(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor | tuple[Tensor, Tensor]:  # noqa: ARG001
    """Take the largest or the average of each window of (N, C, H, W).

    Sizes are rounded up unless `round_mode` says otherwise. The average divides by the window's
    size cut at the picture plus its padding, so padding counts and overhang does not. A second top of maxima is where
    they were, as row · W + column.
    """
    windows = _windows(layer, (x.shape[2], x.shape[3]))
    return _with_places(layer, x, windows) if len(layer.top) == 2 else _pool(layer, x, windows)


def _with_places(layer: Any, x: Tensor, windows: Windows) -> tuple[Tensor, Tensor]:
    if layer.pooling_param.pool != PoolingParameter.MAX:
        raise ValueError("only maxima have places")
    largest, places = F.max_pool2d(
        x, windows.kernel, windows.stride, windows.pad, ceil_mode=windows.ceil, return_indices=True
    )
    return largest, places.to(torch.promote_types(x.dtype, torch.float32))  # bfloat16 has no such numbers


def max_windows(layer: Any) -> Windows | None:
    """Return the windows of a Pooling layer that takes maxima, or None if it does not or its windows are the whole."""
    p = layer.pooling_param
    if len(layer.top) > 1:
        return None
    return None if p.global_pooling or p.pool != PoolingParameter.MAX else _windows(layer, (0, 0))


def _windows(layer: Any, size: Pair) -> Windows:
    """Return the windows of a layer on pictures of some rows and columns."""
    p = layer.pooling_param
    stride = _side(p, "stride", "stride", 1)
    pad = _side(p, "pad", "pad", 0)
    kernel = size if p.global_pooling else _side(p, "kernel", "kernel_size", 0)
    if p.global_pooling and (pad != (0, 0) or stride != (1, 1)):
        raise ValueError("global pooling goes with a stride of 1 and no padding")
    if not all((*kernel, *stride)) or any(p >= k for p, k in zip(pad, kernel, strict=True)):
        raise ValueError(f"kernel {kernel}, stride {stride} and padding {pad} do not go together")
    return Windows(kernel, stride, pad, p.round_mode == PoolingParameter.CEIL)


def _pool(layer: Any, x: Tensor, windows: Windows) -> Tensor:
    method = layer.spp_param.pool if layer.type == "SPP" else layer.pooling_param.pool
    if method == PoolingParameter.MAX:
        return max_pool(x, windows)
    if method == PoolingParameter.AVE:
        return average_pool(x, windows)
    raise ModelError(f"layer {layer.name!r}: stochastic pooling is for training; a deploy net has MAX or AVE")


@caffe_layer("SPP", window=everything)
def spatial_pyramid(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:  # noqa: ARG001
    """Pool over grids of 1×1, 2×2, 4×4 … windows and join the results (He et al., 2014)."""
    p = layer.spp_param
    if not 1 <= p.pyramid_height <= 16:
        raise ValueError("a pyramid has 1 to 16 levels")
    found = []
    for level in range(p.pyramid_height):
        bins = 2**level
        height, width = x.shape[2:]
        kernel = ceil(height / bins), ceil(width / bins)
        pad = (kernel[0] * bins - height + 1) // 2, (kernel[1] * bins - width + 1) // 2
        found.append(_pool(layer, x, Windows(kernel, kernel, pad, ceil=True)))
    return found[0] if len(found) == 1 else torch.cat([each.flatten(1) for each in found], 1)
