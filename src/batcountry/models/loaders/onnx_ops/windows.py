"""Operators that slide windows over a picture, and those that normalize."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.devices import widest_float
from batcountry.errors import ModelError
from batcountry.models.loaders.onnx_ops.registry import OPERATORS, Node, bounded, operator

_MOST_SHIFTS = 64  # that are added one by one
_CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_MAX_POOL: dict[int, Any] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVERAGE: dict[int, Any] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def pads_of(node: Node, sides: Sequence[int], kernel: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return how much padding comes before and after each axis of a picture."""
    count = len(kernel)
    stride, dilation = node("strides", [1] * count), node("dilations", [1] * count)
    how = node("auto_pad", "NOTSET")
    if not how.startswith("SAME"):
        pads = [0] * 2 * count if how == "VALID" else node("pads", [0] * 2 * count)
        return list(pads[:count]), list(pads[count:])
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    all_of_it = [
        max(0, (-(-side // s) - 1) * s + r - side) for side, s, r in zip(sides, stride, reach, strict=True)
    ]
    less = [each // 2 for each in all_of_it]
    more = [each - half for each, half in zip(all_of_it, less, strict=True)]
    return (less, more) if how == "SAME_UPPER" else (more, less)


def _padded(x: Tensor, before: Sequence[int], after: Sequence[int], value: float = 0.0) -> Tensor:
    bounded([*x.shape[:2], *map(sum, zip(x.shape[2:], before, after, strict=True))])
    sides = [side for pair in zip(reversed(before), reversed(after), strict=True) for side in pair]
    return F.pad(x, sides, value=value) if any(sides) else x


@operator("Conv")
def convolve(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Convolve along one to three axes."""
    kernel = weight.shape[2:]
    before, after = pads_of(node, x.shape[2:], kernel)
    count, padding = len(kernel), before
    if before != after:
        x, padding = _padded(x, before, after), [0] * count
    strides, dilations = node("strides", [1] * count), node("dilations", [1] * count)
    return _CONVOLVE[count](x, weight, bias, strides, padding, dilations, node("group", 1))


@operator("ConvTranspose")
def convolve_transposed(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Run a convolution's backward pass as a forward pass, and cut off the padding."""
    kernel, count = weight.shape[2:], weight.ndim - 2
    stride, dilation = node("strides", [1] * count), node("dilations", [1] * count)
    more = node("output_padding", [0] * count)
    whole = [
        (side - 1) * s + d * (k - 1) + 1 + o
        for side, s, d, k, o in zip(x.shape[2:], stride, dilation, kernel, more, strict=True)
    ]
    bounded([len(x), weight.shape[1] * node("group", 1), *whole])
    shape, how = node("output_shape"), node("auto_pad", "NOTSET")
    if shape is None and how.startswith("SAME"):
        shape = [side * s for side, s in zip(x.shape[2:], stride, strict=True)]
    if shape is None:
        pads = node("pads", [0] * 2 * count)
        before, after = pads[:count], pads[count:]
    else:
        cut = [full - side for full, side in zip(whole, shape[-count:], strict=True)]
        before = [each // 2 if how == "SAME_UPPER" else each - each // 2 for each in cut]
        after = [each - first for each, first in zip(cut, before, strict=True)]
    if list(before) == list(after):
        run = _TRANSPOSED[count]
        return run(x, weight, bias, stride, before, more, node("group", 1), dilation)
    y = _TRANSPOSED[count](x, weight, bias, stride, 0, more, node("group", 1), dilation)
    return F.pad(y, [-side for pair in zip(reversed(before), reversed(after), strict=True) for side in pair])


@operator("MaxPool")
def max_pool(node: Node, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
    """Return the largest value in each window, and where it lies if the node has a second output."""
    kernel = node("kernel_shape")
    before, after = pads_of(node, x.shape[2:], kernel)
    padding = before
    if before != after or any(2 * pad > k for pad, k in zip(before, kernel, strict=True)):
        x, padding = _padded(x, before, after, -torch.inf), [0] * len(kernel)
    strides, dilations = node("strides", [1] * len(kernel)), node("dilations", [1] * len(kernel))
    ceil = bool(node("ceil_mode", 0))
    found: Any = _MAX_POOL[len(kernel)](x, kernel, strides, padding, dilations, ceil, node.outputs > 1)
    return found


@operator("AveragePool")
def average_pool(node: Node, x: Tensor) -> Tensor:
    """Return the mean of each window, of the picture alone or with its padding."""
    kernel = node("kernel_shape")
    before, after = pads_of(node, x.shape[2:], kernel)
    strides, count = node("strides", [1] * len(kernel)), bool(node("count_include_pad", 0))
    run, ceil = _AVERAGE[len(kernel)], bool(node("ceil_mode", 0))
    if before == after and not any(2 * pad > k for pad, k in zip(before, kernel, strict=True)):
        return run(x, kernel, strides, before, ceil, count)
    sums = run(_padded(x, before, after), kernel, strides, 0, ceil, False)
    if count:
        return sums
    ones = _padded(torch.ones_like(x[:1, :1]), before, after)
    return sums / run(ones, kernel, strides, 0, ceil, False)


@operator("LpPool")
def lp_pool(node: Node, x: Tensor) -> Tensor:
    """Return the p-norm of each window."""
    kernel, p = node("kernel_shape"), node("p", 2)
    before, after = pads_of(node, x.shape[2:], kernel)
    powers = _padded(x.abs() ** p, before, after)
    strides = node("strides", [1] * len(kernel))
    means = _AVERAGE[len(kernel)](powers, kernel, strides, 0, bool(node("ceil_mode", 0)))
    return (means * torch.Size(kernel).numel()) ** (1 / p)


def _places(x: Tensor) -> list[int]:
    return list(range(2, x.ndim))


OPERATORS["GlobalAveragePool"] = lambda node, x: x.mean(_places(x), keepdim=True)  # noqa: ARG005
OPERATORS["GlobalMaxPool"] = lambda node, x: x.amax(_places(x), keepdim=True)  # noqa: ARG005
OPERATORS["GlobalLpPool"] = lambda node, x: torch.linalg.vector_norm(
    x, node("p", 2), _places(x), keepdim=True
)


@operator("BatchNormalization")
def batch_norm(node: Node, x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
    """Normalize by stored statistics, or with `training_mode` by the batch's own."""
    training = bool(node("training_mode", 0))
    return F.batch_norm(x, mean, variance, scale, bias, training=training, eps=node("epsilon", 1e-5))


@operator("InstanceNormalization")
def instance_norm(node: Node, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Normalize each channel of each picture by itself."""
    return F.instance_norm(x, weight=scale, bias=bias, eps=node("epsilon", 1e-5))


@operator("GroupNormalization")
def group_norm(node: Node, x: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """Normalize groups of channels; before opset 21 with a factor for each group, then for each channel."""
    groups, channels = node("num_groups"), x.shape[1]
    if len(scale) != channels:
        scale, bias = (each.repeat_interleave(channels // groups) for each in (scale, bias))
    return F.group_norm(x, groups, scale, bias, node("epsilon", 1e-5))


@operator("LayerNormalization")
def layer_norm(node: Node, x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
    """Normalize over all axes from one on."""
    shape = x.shape[node("axis", -1) % x.ndim :]
    fits = scale.shape == shape and (bias is None or bias.shape == shape)
    y = F.layer_norm(x, shape, scale if fits else None, bias if fits else None, node("epsilon", 1e-5))
    return y if fits else y * scale + (0 if bias is None else bias)


@operator("MeanVarianceNormalization")
def mean_variance_norm(node: Node, x: Tensor) -> Tensor:
    """Take off the mean and divide by the deviation along some axes."""
    axes = node("axes", [0, 2, 3])
    x = x - x.mean(axes, keepdim=True)
    return x / ((x * x).mean(axes, keepdim=True) + 1e-9).sqrt()


@operator("LRN")
def local_response_norm(node: Node, x: Tensor) -> Tensor:
    """Divide by the energy of neighboring channels."""
    size = node("size")
    if size < 1:
        raise ModelError(f"LRN of {size} channels is not defined")
    # Beyond the first and the last channel there is nothing.
    before, after = min((size - 1) // 2, x.shape[1]), min(size // 2, x.shape[1])
    if before + after < _MOST_SHIFTS:
        squares = F.pad(x * x, [0, 0] * (x.ndim - 2) + [before, after])
        energy = sum(squares[:, first : first + x.shape[1]] for first in range(before + after + 1))
    else:
        sums = F.pad((x * x).to(widest_float(x.device)).cumsum(1), [0, 0] * (x.ndim - 2) + [1, 0])
        place = torch.arange(x.shape[1], device=x.device)
        first, end = (place - before).clamp(min=0), (place + after + 1).clamp(max=x.shape[1])
        energy = (sums[:, end] - sums[:, first]).to(x.dtype)
    return x / (node("bias", 1.0) + node("alpha", 1e-4) / size * energy) ** node("beta", 0.75)


@operator("LpNormalization")
def lp_norm(node: Node, x: Tensor) -> Tensor:
    """Divide by the p-norm along an axis."""
    return x / torch.linalg.vector_norm(x, node("p", 2), node("axis", -1), keepdim=True)
