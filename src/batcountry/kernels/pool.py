"""Max pooling as Caffe does it."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def max_pool(
    x: Tensor, kernel: tuple[int, int], stride: tuple[int, int], pad: tuple[int, int], ceil: bool
) -> Tensor:
    """Return the largest value of each window of (N, C, H, W).

    Of equal values the first in row order takes the whole gradient. With `ceil` a last window
    may hang over the edge, but does not start beyond it. Several times as fast on
    channels-last tensors.
    """
    if any(2 * p > k for p, k in zip(pad, kernel, strict=True)):
        # PyTorch allows padding up to half the kernel only.
        x, pad = F.pad(x, (pad[1], pad[1], pad[0], pad[0]), value=float("-inf")), (0, 0)
    return F.max_pool2d(x, kernel, stride, pad, ceil_mode=ceil)
