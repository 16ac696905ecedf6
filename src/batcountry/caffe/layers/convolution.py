"""Convolution over height and width, and its transpose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from batcountry.caffe.layers.registry import Param, Shape, Window, caffe_layer


def pair(param: Any, name: str, default: int, repeated: str = "") -> tuple[int, int]:
    """Return a (height, width) setting, given once for both, once for each, or as `name_h` and `name_w`."""
    if param.HasField(f"{name}_h") or param.HasField(f"{name}_w"):
        return getattr(param, f"{name}_h"), getattr(param, f"{name}_w")
    given = list(getattr(param, repeated or name)) or [default]
    return (given[0], given[-1]) if len(given) <= 2 else (given[-2], given[-1])


def _params(layer: Any, bottoms: Sequence[Shape]) -> list[Param]:
    p = layer.convolution_param
    kernel = pair(p, "kernel", 1, "kernel_size")
    found = [Param((p.num_output, bottoms[0][1] // p.group, *kernel), p.weight_filler)]
    return [*found, Param((p.num_output,), p.bias_filler)] if p.bias_term else found


def _window(layer: Any) -> Window:
    p = layer.convolution_param
    dilation = max(p.dilation, default=1)
    return Window((max(pair(p, "kernel", 1, "kernel_size")) - 1) * dilation + 1, max(pair(p, "stride", 1)))


@caffe_layer("Convolution", params=_params, window=_window)
def convolution(layer: Any, params: Sequence[Tensor], *bottoms: Tensor) -> Tensor | tuple[Tensor, ...]:
    """Convolve each bottom, (N, C, H, W), with the same weights."""
    p = layer.convolution_param
    stride, pad = pair(p, "stride", 1), pair(p, "pad", 0)
    bias = params[1] if p.bias_term else None
    tops = tuple(F.conv2d(x, params[0], bias, stride, pad, _dilation(p), p.group) for x in bottoms)
    return tops[0] if len(tops) == 1 else tops


def _deconvolution_params(layer: Any, bottoms: Sequence[Shape]) -> list[Param]:
    p = layer.convolution_param
    kernel = pair(p, "kernel", 1, "kernel_size")
    found = [Param((bottoms[0][1], p.num_output // p.group, *kernel), p.weight_filler)]
    return [*found, Param((p.num_output,), p.bias_filler)] if p.bias_term else found


def _deconvolution_window(layer: Any) -> Window:
    window = _window(layer)
    return Window(-(-(window.kernel or 1) // window.stride), 1, window.stride)


@caffe_layer("Deconvolution", params=_deconvolution_params, window=_deconvolution_window)
def deconvolution(layer: Any, params: Sequence[Tensor], *bottoms: Tensor) -> Tensor | tuple[Tensor, ...]:
    """Run a convolution's backward pass as a forward pass: each value spreads over a window."""
    p = layer.convolution_param
    stride, pad = pair(p, "stride", 1), pair(p, "pad", 0)
    bias = params[1] if p.bias_term else None
    tops = tuple(
        F.conv_transpose2d(x, params[0], bias, stride, pad, 0, p.group, _dilation(p)) for x in bottoms
    )
    return tops[0] if len(tops) == 1 else tops


def _dilation(param: Any) -> tuple[int, int]:
    given = list(param.dilation) or [1]
    return given[0], given[-1]
