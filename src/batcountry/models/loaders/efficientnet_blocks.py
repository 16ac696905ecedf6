"""What EfficientNet-Lite is made of: convolutions, and the blocks of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.kernels.depthwise import Depthwise
from batcountry.backend.kernels.dispatch import channels_last
from batcountry.backend.kernels.fused_branches import Branches
from batcountry.backend.kernels.input_grad import conv2d
from batcountry.backend.kernels.onednn_conv import Filter, has_filters


@dataclass
class Convolution:
    """A convolution with batch norm folded in, and ReLU6 after it if `active`."""

    weight: Tensor
    bias: Tensor
    stride: int = 1
    groups: int = 1
    active: bool = True

    @property
    def kernel(self) -> int:
        """Side of the kernel in its input's units."""
        return self.weight.shape[-1]

    @property
    def before(self) -> int:
        """Rows of padding before the first."""
        return self.kernel // 2 - (self.stride == 2)

    def __call__(self, x: Tensor) -> Tensor:
        """Run on (N, C, H, W); padding is TensorFlow's, uneven where the stride is 2."""
        quick = has_filters(x)
        padding = self.before
        if self.stride == 2 and not (quick and self.groups > 1):
            x = F.pad(x, (padding, padding + 1, padding, padding + 1))
            padding = 0
        if quick:
            return self._branches(channels_last(x))[0]
        pair = (self.stride,) * 2, (padding,) * 2, (1, 1)
        x = conv2d(x, self.weight, self.bias, *pair, self.groups)
        return F.relu6(x, inplace=True) if self.active else x

    @cached_property
    def _branches(self) -> Branches:
        before, limit = (self.before,) * 2, 6.0 if self.active else None
        if self.stride == 1:
            filter_ = Filter(self.weight, self.bias, 1, before, self.groups, limit)
        elif self.groups == 1:
            filter_ = Filter(self.weight, self.bias, self.stride, (0, 0), 1, limit)
        else:
            after = (self.before + 1,) * 2
            filter_ = Depthwise(self.weight, self.bias, self.stride, before, self.groups, limit, after)
        return Branches((filter_,), (not self.active,))


@dataclass
class Block:
    """An inverted residual: expand, filter each channel, project, and add the input if it fits."""

    convolutions: list[Convolution]
    shortcut: bool

    def __call__(self, x: Tensor) -> Tensor:
        """Run on (N, C, H, W)."""
        y = x
        for convolution in self.convolutions:
            y = convolution(y)
        return y + x if self.shortcut else y
