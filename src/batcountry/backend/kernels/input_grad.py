"""Convolution whose gradient with respect to a picture is quick.

A network's first convolution makes dozens of channels of three with a stride. PyTorch's gradient of
it takes five times as long as its forward pass, since three channels fill no vector register. Here
the gradient is a plain convolution to stride² times as many channels at the output's resolution,
whose channels are then laid out as pixels (Shi et al., 2016: sub-pixel convolution).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Pair = tuple[int, ...]

_FEW = 4


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, pad: Pair, dilation: Pair, groups: int
) -> Tensor:
    """Do what `torch.nn.functional.conv2d` does, with the same numbers to float rounding."""
    strided = stride[0] == stride[1] > 1 and tuple(dilation) == (1, 1) and groups == 1
    if x.shape[1] <= _FEW and strided and not weight.requires_grad and not x.is_meta:
        return _PictureConvolution.apply(x, weight, bias, stride[0], tuple(pad))  # type: ignore[no-untyped-call]
    return F.conv2d(x, weight, bias, stride, pad, dilation, groups)


class _PictureConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, pad: Pair) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.size, ctx.stride, ctx.pad = x.shape[2:], stride, pad
        return F.conv2d(x, weight, bias, stride, pad)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        (weight,) = ctx.saved_tensors
        found = picture_gradient(grad, weight, ctx.stride, ctx.pad, ctx.size)
        return found, None, None, None, None


def picture_gradient(grad: Tensor, weight: Tensor, stride: int, pad: Pair, size: Pair) -> Tensor:
    """Return the gradient of a convolution's input of some rows and columns from that of its output."""
    kernel, taps = _subpixel(weight, stride)
    spread = F.conv2d(grad, kernel, padding=(taps[0] - 1, taps[1] - 1))
    pixels = F.pixel_shuffle(spread, stride)
    # What lies before the picture is its padding; rows that no window reached are missing at the end.
    ends = [before + length for before, length in zip(pad, size, strict=True)]
    missing = [max(end - got, 0) for end, got in zip(ends, pixels.shape[2:], strict=True)]
    if any(missing):
        pixels = F.pad(pixels, (0, missing[1], 0, missing[0]))
    return pixels[:, :, pad[0] : ends[0], pad[1] : ends[1]].contiguous()


def _subpixel(weight: Tensor, stride: int) -> tuple[Tensor, Pair]:
    """Return the convolution's transpose as (C · stride², O, taps, taps), and the number of taps."""
    out, channels, *kernel = weight.shape
    rows, columns = (-(-side // stride) for side in kernel)
    padded = F.pad(weight, (0, columns * stride - kernel[1], 0, rows * stride - kernel[0]))
    phases = padded.reshape(out, channels, rows, stride, columns, stride).permute(1, 3, 5, 0, 2, 4)
    found = phases.reshape(channels * stride * stride, out, rows, columns).flip(2, 3)
    return found.contiguous(memory_format=torch.channels_last), (rows, columns)
