"""Pooling with Caffe's rounding, clipping and divisor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from batcountry.caffe.layers.registry import Window, caffe_layer
from batcountry.caffe.messages import PoolingParameter
from batcountry.errors import ModelError
from batcountry.kernels.pool import max_pool


def _side(param: Any, name: str, single: str) -> tuple[int, int]:
    if param.HasField(f"{name}_h") or param.HasField(f"{name}_w"):
        return getattr(param, f"{name}_h") or 1 - (name == "pad"), getattr(param, f"{name}_w") or 1 - (
            name == "pad"
        )
    return (getattr(param, single),) * 2


def _window(layer: Any) -> Window:
    p = layer.pooling_param
    return Window(
        None if p.global_pooling else max(_side(p, "kernel", "kernel_size")),
        max(_side(p, "stride", "stride")),
    )


@caffe_layer("Pooling", window=_window)
def pooling(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:  # noqa: ARG001
    """Take the largest or the average of each window of (N, C, H, W).

    Sizes are rounded up unless `round_mode` says otherwise. The average divides by the window's
    size cut at the picture plus its padding, so padding counts and overhang does not.
    """
    p = layer.pooling_param
    if p.global_pooling:
        kernel, stride, pad = (x.shape[2], x.shape[3]), (1, 1), (0, 0)
    else:
        kernel, stride, pad = (
            _side(p, *each) for each in (("kernel", "kernel_size"), ("stride", "stride"), ("pad", "pad"))
        )
    ceil = p.round_mode == PoolingParameter.CEIL
    if p.pool == PoolingParameter.MAX:
        return max_pool(x, kernel, stride, pad, ceil)
    if p.pool == PoolingParameter.AVE:
        return F.avg_pool2d(x, kernel, stride, pad, ceil_mode=ceil)
    raise ModelError(f"layer {layer.name!r}: stochastic pooling is for training; a deploy net has MAX or AVE")
