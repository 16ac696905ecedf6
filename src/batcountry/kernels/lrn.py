"""Local response normalisation across channels.

PyTorch's own builds it from average pooling over a transposed copy, which costs more than all
of GoogLeNet's convolutions together. Here the sum over neighbouring channels is a 1×1
convolution with a banded matrix of ones, forward and backward.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def lrn(x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """Divide each activation by `(k + alpha / size · Σ x²) ** beta`, Σ over `size` channels around it.

    Krizhevsky et al., 2012, with Caffe's division of `alpha` by `size`.

    Parameters
    ----------
    x : (N, C, H, W)
    size : int
        Odd number of channels in the window; it is cut off at the first and last channel.
    """
    return _Lrn.apply(x, size, alpha / size, beta, k)  # type: ignore[no-untyped-call]


@lru_cache(maxsize=32)
def _band(channels: int, size: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        index = torch.arange(channels, device=device)
        near = (index[:, None] - index[None]).abs() <= (size - 1) // 2
        return near.to(dtype)[:, :, None, None]


class _Lrn(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
        band = _band(x.shape[1], size, x.dtype, x.device)
        scale = F.conv2d(x * x, band).mul_(alpha).add_(k)
        power = _power(scale, beta)
        ctx.save_for_backward(x, scale, power)
        ctx.band, ctx.alpha, ctx.beta = band, alpha, beta
        return x * power

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        x, scale, power = ctx.saved_tensors
        direct = grad * power
        spread = F.conv2d((direct * x).div_(scale), ctx.band)
        return direct.sub_(spread.mul_(x).mul_(2 * ctx.alpha * ctx.beta)), None, None, None, None


def _power(scale: Tensor, beta: float) -> Tensor:
    if beta == 0.75:  # what every published net has; two roots are several times faster than pow
        root = scale.rsqrt()
        return root * root.sqrt()
    return scale.pow(-beta)
