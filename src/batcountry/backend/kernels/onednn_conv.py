"""Convolutions with fixed weights and a ReLU, kept in the order that oneDNN wants, both ways.

PyTorch arranges the weights anew at each call, and takes ReLUs and sums as passes over memory of
their own; oneDNN does them with the convolution. For the gradient with respect to its input a
convolution with a stride of 1 is run forward, with its weights turned round.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from batcountry.backend.kernels.card import launches
from batcountry.backend.kernels.card.products import Product
from batcountry.backend.kernels.dispatch import channels_last, is_card, kind, on_card
from batcountry.backend.kernels.input_grad import picture_gradient
from batcountry.backend.kernels.winograd import Winograd
from batcountry.backend.processor import has_onednn
from batcountry.backend.widened import is_widened

Pair = tuple[int, int]
_ONE = (1, 1)
_KEPT = 2  # shapes: those of a film's two octaves


def has_filters(x: Tensor) -> bool:
    """Whether `Filter` runs on a tensor."""
    computes = has_onednn(torch.float32 if is_widened(x) else x.dtype)
    return on_card(x) or (computes and kind(x) is not None)


@dataclass(frozen=True, eq=False)
class Filter:
    """A convolution of channels-last tensors on the CPU or an NVIDIA card, and what follows it.

    Attributes
    ----------
    weight, bias
        (O, C / groups, rows, columns) and (O,), of one type.
    stride
        Along both axes; other than 1 for groups of few channels, as pictures have.
    pad
        Rows and columns of zeros before the first and after the last.
    limit
        After it values are kept between 0 and this, infinity for a plain ReLU; None for nothing.
    """

    weight: Tensor
    bias: Tensor | None
    stride: int = 1
    pad: Pair = (0, 0)
    groups: int = 1
    limit: float | None = math.inf

    @property
    def kernel(self) -> Pair:
        """Rows and columns of the window."""
        return self.weight.shape[2], self.weight.shape[3]

    @property
    def pointwise(self) -> bool:
        """Whether it sees one place alone."""
        return self.kernel == _ONE and self.stride == 1 and self.pad == (0, 0) and self.groups == 1

    def forward(self, x: Tensor) -> Tensor:
        """Return its result for (N, C, H, W)."""
        if is_card(x):
            return self._forward_on_card(x)
        if is_widened(x):
            return self._wide.forward(x.float()).to(x.dtype)
        if self._winograd and kind(x):
            return self._winograd(x)
        settings = self.pad, (self.stride, self.stride), _ONE, self.groups
        weight = self._packed(x.shape)
        if self.limit is None:
            return torch.ops.mkldnn._convolution_pointwise(x, weight, self.bias, *settings, "none", [], "")
        if math.isinf(self.limit):
            return torch.ops.mkldnn._convolution_pointwise(x, weight, self.bias, *settings, "relu", [], "")
        bounds = [0.0, self.limit]
        return torch.ops.mkldnn._convolution_pointwise(
            x, weight, self.bias, *settings, "hardtanh", bounds, ""
        )

    @cached_property
    def _wide(self) -> Filter:
        """The same in float32, whose weights are those of this."""
        return replace(
            self, weight=self.weight.float(), bias=None if self.bias is None else self.bias.float()
        )

    def _forward_on_card(self, x: Tensor) -> Tensor:
        if self._is_depthwise:
            windows = Product(self).windows(x.shape)
            return launches.depthwise(x, self.taps, self.precise_bias, windows, self.bounds)
        if self.groups == 1:
            return self._product.forward(x)
        parts = x.chunk(self.groups, 1)
        found = [each.forward(channels_last(part)) for each, part in zip(self._by_group, parts, strict=True)]
        return channels_last(torch.cat(found, 1))

    @cached_property
    def _product(self) -> Product:
        return Product(self)

    @cached_property
    def _by_group(self) -> tuple[Filter, ...]:
        weights = self.weight.chunk(self.groups)
        biases = (None,) * self.groups if self.bias is None else self.bias.chunk(self.groups)
        return tuple(
            Filter(channels_last(weight), bias, self.stride, self.pad, 1, self.limit)
            for weight, bias in zip(weights, biases, strict=True)
        )

    @property
    def _is_depthwise(self) -> bool:
        return self.groups > 1 and self.weight.shape[:2] == (self.groups, 1)

    @cached_property
    def taps(self) -> Tensor:
        """The weights of a filter of each channel by itself as (rows, columns, C), in float32."""
        return self.weight[:, 0].permute(1, 2, 0).float().contiguous()

    @cached_property
    def _winograd(self) -> Winograd | None:
        if self.stride != 1 or self.groups != 1 or not Winograd.suits(self.weight):
            return None
        return Winograd(self.weight, self.precise_bias, self.pad, self.bounds)

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the largest result."""
        return (-math.inf, math.inf) if self.limit is None else (0.0, self.limit)

    @cached_property
    def precise_bias(self) -> Tensor:
        """The bias in float32, zeros if there is none, (O,)."""
        return (
            self.weight.new_zeros(self.weight.shape[0], dtype=torch.float32)
            if self.bias is None
            else self.bias.float()
        )

    @cached_property
    def turned(self) -> Filter:
        """The convolution that makes this one's input gradient of its output's, for a stride of 1."""
        out, inside, rows, columns = self.weight.shape
        grouped = self.weight.reshape(self.groups, out // self.groups, inside, rows, columns)
        weight = grouped.transpose(1, 2).flip(3, 4).reshape(self.groups * inside, -1, rows, columns)
        pad = (rows - 1 - self.pad[0], columns - 1 - self.pad[1])
        return Filter(channels_last(weight), None, 1, pad, self.groups, None)

    def input_gradient(self, grad: Tensor, shape: torch.Size, total: Tensor | None = None) -> Tensor:
        """Return the gradient of its input of some shape from that of what it gives before the ReLU.

        With `total` it may be added to that, in place, and that returned.
        """
        if self.stride == 1:
            return self.turned.forward(grad) if total is None else self.turned.add_to(total, grad)
        if is_widened(grad):
            found = self._wide.input_gradient(grad.float(), shape).to(grad.dtype)
        elif is_card(grad):
            found = self._product.input_gradient(grad, shape)
        else:
            found = picture_gradient(grad, self.weight, self.stride, self.pad, shape[2:])
        return found if total is None else total.add_(found)

    def add_to(self, total: Tensor, x: Tensor) -> Tensor:
        """Add its result for `x` to `total`, in place, and return that."""
        if is_card(x):
            return self._product.forward(x, total) if self.groups == 1 else total.add_(self.forward(x))
        if is_widened(x):
            return total.copy_(self._wide.forward(x.float()).add_(total))
        settings = self.pad, (self.stride, self.stride), _ONE, self.groups
        return torch.ops.mkldnn._convolution_pointwise_.binary(
            total, x, self._packed(x.shape), self.bias, *settings, "add", 1.0, None, [], None
        )

    def _packed(self, shape: torch.Size) -> Tensor:
        """Return the weights in the order that oneDNN wants for an input of some shape.

        In another order it would arrange them anew at each call, which may take ten times as long as the
        convolution. It also decides how sums are rounded, so it depends on the shape alone and not on what came before.
        """
        found = self._orders.get(shape)
        if found is None:
            found = torch.ops.mkldnn._reorder_convolution_weight(
                self.weight, self.pad, (self.stride, self.stride), _ONE, self.groups, shape
            )
            for oldest in list(self._orders)[: 1 - _KEPT]:
                self._orders.pop(oldest, None)
            self._orders[shape] = found
        return found

    @cached_property
    def _orders(self) -> dict[torch.Size, Tensor]:
        return {}
