"""Local response normalization across channels.

PyTorch's own builds it from average pooling over a transposed copy, which costs more than all
of GoogLeNet's convolutions together. Here it is one pass over memory each way, keeping nothing but
its input; or, where there are no compiled loops for it, a few additions of shifted views.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.kernels.card import launches
from batcountry.backend.kernels.dispatch import channels_last, float_bits, kind, loops, on_card

_BETA = 0.75
"""What every published net has; two roots are several times faster than a power."""

_WIDEST = 33


def lrn(x: Tensor, size: int, alpha: float, beta: float, k: float, *, relu: bool = False) -> Tensor:
    """Divide each activation by `(k + alpha / size · Σ x²) ** beta`, Σ over `size` channels around it.

    Krizhevsky et al., 2012, with Caffe's division of `alpha` by `size`.

    Parameters
    ----------
    x : (N, C, H, W)
    size : int
        Odd number of channels in the window; it is cut off at the first and last channel.
    relu
        Of `x` that has been through a ReLU, take that one's gradient too.
    """
    fits = beta == _BETA and size % 2 and size <= _WIDEST and k > 0 and alpha >= 0
    if fits and on_card(x):
        return _LrnOnCard.apply(x, size // 2, alpha / size, k, relu)  # type: ignore[no-untyped-call]
    if fits and (name := kind(x)):
        settings = x.shape[3], x.shape[1], size // 2, float_bits(alpha / size), float_bits(k), int(relu)
        return _LrnLoop.apply(x, name, settings)  # type: ignore[no-untyped-call]
    x = F.relu(x) if relu else x
    return _Lrn.apply(x, size, alpha / size, beta, k)  # type: ignore[no-untyped-call]


def channel_sums(x: Tensor, size: int) -> Tensor:
    """Return for each channel of (N, C, H, W) the sum of the `size` channels around it, cut off at the ends.

    Sums of 1, 2, 4 … channels are made one from the other, so that a window of 5 costs three additions.
    """
    channels = x.shape[1]
    half = min((size - 1) // 2, channels - 1)
    # Channels last in memory or not, here they are the last axis.
    part = F.pad(x.permute(0, 2, 3, 1), (half, half))
    total: Tensor | None = None
    left, at, span = 2 * half + 1, 0, 1
    while left:
        if left & 1:
            piece = part.narrow(-1, at, channels)
            total = piece.clone() if total is None else total.add_(piece)
            at += span
        left >>= 1
        if left:
            part = part[..., :-span] + part[..., span:]
            span *= 2
    assert total is not None
    return total.permute(0, 3, 1, 2)


class _Lrn(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
        wide = x.float() if x.dtype == torch.float16 else x  # whose squares would end at 255²
        scale = channel_sums(wide * wide, size).mul_(alpha).add_(k)
        power = _power(scale, beta)
        ctx.save_for_backward(x, scale, power)
        ctx.size, ctx.alpha, ctx.beta = size, alpha, beta
        return (wide * power).to(x.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        x, scale, power = ctx.saved_tensors
        direct = grad * power
        spread = channel_sums((direct * x).div_(scale), ctx.size)
        found = direct.sub_(spread.mul_(x).mul_(2 * ctx.alpha * ctx.beta))
        return found.to(x.dtype), None, None, None, None


class _LrnLoop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, name: str, settings: tuple[int, ...]) -> Tensor:
        y = torch.empty_like(x)
        ctx.save_for_backward(x)
        ctx.name, ctx.settings = name, settings
        loops("lrn").forward[name](x.shape[0] * x.shape[2], x.data_ptr(), 0, y.data_ptr(), *ctx.settings)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        grad, found = channels_last(grad), torch.empty_like(x)
        rows = x.shape[0] * x.shape[2]
        loops("lrn").backward[ctx.name](rows, x.data_ptr(), grad.data_ptr(), found.data_ptr(), *ctx.settings)
        return found, None, None


class _LrnOnCard(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, half: int, alpha: float, k: float, relu: bool) -> Tensor:
        ctx.save_for_backward(x)
        ctx.settings = half, alpha, k, relu
        return launches.lrn(x, half, alpha, k)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        (x,) = ctx.saved_tensors
        return launches.lrn_gradient(x, channels_last(grad), *ctx.settings), None, None, None, None


def _power(scale: Tensor, beta: float) -> Tensor:
    if beta == _BETA:
        root = scale.rsqrt()
        return root * root.sqrt()
    return scale.pow(-beta)
