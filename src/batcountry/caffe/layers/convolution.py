"""Convolution over one, two or three axes, and its transpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.kernels.input_grad import conv2d
from batcountry.backend.receptive_field import Window
from batcountry.caffe.layers.registry import Param, Shape, caffe_layer

_CONVOLVE: dict[int, Callable[..., Tensor]] = {1: F.conv1d, 2: conv2d, 3: F.conv3d}
_TRANSPOSED: dict[int, Callable[..., Tensor]] = {
    1: F.conv_transpose1d,
    2: F.conv_transpose2d,
    3: F.conv_transpose3d,
}


@dataclass(frozen=True)
class Windows:
    """What a `ConvolutionParameter` says, with a number for each axis that the windows move along."""

    channels: int
    kernel: Shape
    stride: Shape
    pad: Shape
    dilation: Shape


def windows_of(param: Any, axes: int) -> Windows:
    """Read the settings for blobs of so many axes; raises `ValueError` where they do not fit."""
    channels = param.axis % axes
    moved = axes - channels - 1
    if moved not in _CONVOLVE:
        raise ValueError(f"windows move along one to three axes, here along {moved}")
    kernel = _per_axis(param, "kernel", "kernel_size", moved, None)
    found = Windows(
        channels,
        kernel,
        _per_axis(param, "stride", "stride", moved, 1),
        _per_axis(param, "pad", "pad", moved, 0),
        _spread(list(param.dilation), "dilation", moved, 1),
    )
    if not all((*kernel, *found.stride, *found.dilation)):
        raise ValueError("kernel, stride and dilation have to be at least 1")
    return found


def _per_axis(param: Any, name: str, repeated: str, axes: int, default: int | None) -> Shape:
    if param.HasField(f"{name}_h") or param.HasField(f"{name}_w"):
        if axes != 2:
            raise ValueError(f"{name}_h and {name}_w are for two axes, here there are {axes}")
        return getattr(param, f"{name}_h"), getattr(param, f"{name}_w")
    return _spread(list(getattr(param, repeated)), repeated, axes, default)


def _spread(given: list[int], name: str, axes: int, default: int | None) -> Shape:
    """Return one number for each axis, of one for all or one for each."""
    if not given:
        if default is None:
            raise ValueError(f"{name} is not given")
        given = [default]
    if len(given) not in (1, axes):
        raise ValueError(f"{name} is given {len(given)} times for {axes} axes")
    return tuple(given if len(given) == axes else given * axes)


def _weights(layer: Any, bottoms: Sequence[Shape], transposed: bool) -> list[Param]:
    p = layer.convolution_param
    windows = windows_of(p, len(bottoms[0]))
    inside = bottoms[0][windows.channels]
    if not p.num_output or not p.group or inside % p.group or p.num_output % p.group:
        raise ValueError(f"{inside} channels cannot become {p.num_output} in {p.group} groups")
    first, second = (inside, p.num_output) if transposed else (p.num_output, inside)
    found = [Param((first, second // p.group, *windows.kernel), p.weight_filler)]
    return [*found, Param((p.num_output,), p.bias_filler)] if p.bias_term else found


def _over_batch(x: Tensor, channels: int, run: Callable[[Tensor], Tensor]) -> Tensor:
    """Run on (N, C, …) of a blob whose axes before the channels are all the batch's."""
    if channels == 1:
        return run(x)
    y = run(x.reshape(-1, *x.shape[channels:]))
    return y.reshape(*x.shape[:channels], *y.shape[1:])


def _for_each(
    layer: Any, params: Sequence[Tensor], bottoms: Sequence[Tensor], run: Callable[..., Tensor]
) -> Tensor | tuple[Tensor, ...]:
    """Call `run(x, weight, bias, windows, groups)` for each bottom."""
    p = layer.convolution_param
    w = windows_of(p, bottoms[0].ndim)
    bias = params[1] if p.bias_term else None
    tops = tuple(
        _over_batch(each, w.channels, lambda x: run(x, params[0], bias, w, p.group)) for each in bottoms
    )
    return tops[0] if len(tops) == 1 else tops


def _params(layer: Any, bottoms: Sequence[Shape]) -> list[Param]:
    return _weights(layer, bottoms, transposed=False)


def _window(layer: Any) -> Window | None:
    try:
        w = windows_of(layer.convolution_param, 4)
    except ValueError:
        return None  # it moves along other axes than a picture's, or not at all
    after = max((k - 1) * d - p for k, d, p in zip(w.kernel, w.dilation, w.pad, strict=True))
    return Window(max(w.pad), after, max(w.stride), even=w.stride[0] == w.stride[1])


@caffe_layer("Convolution", params=_params, window=_window)
def convolution(layer: Any, params: Sequence[Tensor], *bottoms: Tensor) -> Tensor | tuple[Tensor, ...]:
    """Convolve each bottom, (N, C, …), with the same weights."""

    def run(x: Tensor, weight: Tensor, bias: Tensor | None, w: Windows, groups: int) -> Tensor:
        return _CONVOLVE[len(w.kernel)](x, weight, bias, w.stride, w.pad, w.dilation, groups)

    return _for_each(layer, params, bottoms, run)


def _deconvolution_params(layer: Any, bottoms: Sequence[Shape]) -> list[Param]:
    return _weights(layer, bottoms, transposed=True)


def _deconvolution_window(layer: Any) -> Window | None:
    # Seen from its output the window is the other way round.
    w = _window(layer)
    return w and Window(w.after, w.before, upscale=w.stride, even=w.even)


@caffe_layer("Deconvolution", params=_deconvolution_params, window=_deconvolution_window)
def deconvolution(layer: Any, params: Sequence[Tensor], *bottoms: Tensor) -> Tensor | tuple[Tensor, ...]:
    """Run a convolution's backward pass as a forward pass: each value spreads over a window."""

    def run(x: Tensor, weight: Tensor, bias: Tensor | None, w: Windows, groups: int) -> Tensor:
        return _TRANSPOSED[len(w.kernel)](x, weight, bias, w.stride, w.pad, 0, groups, w.dilation)

    return _for_each(layer, params, bottoms, run)


@caffe_layer("Im2col", window=_window)
def im2col(layer: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:  # noqa: ARG001
    """Lay out each window of (N, C, H, W) as channels: (N, C · kernel, H', W')."""
    w = windows_of(layer.convolution_param, x.ndim)
    columns = F.unfold(x, w.kernel, w.dilation, w.pad, w.stride)
    sizes = [
        (size + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1
        for size, pad, dilation, kernel, stride in zip(
            x.shape[2:], w.pad, w.dilation, w.kernel, w.stride, strict=True
        )
    ]
    return columns.reshape(x.shape[0], columns.shape[1], *sizes)
