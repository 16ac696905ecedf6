"""Convolutions with ReLUs, and max pooling beside them, that read the same thing, as one operation.

What an inception module starts with. Their gradients are laid side by side as the ReLUs' are taken,
so that one convolution adds them up, onto the gradient of the pooling. Nothing but the results is
kept for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from batcountry.backend.kernels.dispatch import channels_last
from batcountry.backend.kernels.onednn_conv import Filter
from batcountry.backend.kernels.pool import Windows


@dataclass(frozen=True, eq=False)
class Branches:
    """What reads the same (N, C, H, W), with fixed weights: one filter, or pointwise ones and windows of maxima.

    Attributes
    ----------
    filters
        If there are several branches they see one place each.
    passed
        For each filter whether what follows takes its ReLU's gradient.
    windows
        Of max pooling, the last branch.
    """

    filters: tuple[Filter, ...]
    passed: tuple[bool, ...]
    windows: Windows | None = None

    def __call__(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the result of each branch for a channels-last tensor that `kind` knows."""
        return _Branches.apply(x, self)  # type: ignore[no-untyped-call]

    @cached_property
    def merged(self) -> Filter:
        """The convolution from all filters' gradients side by side to the sum of their input's."""
        weights = torch.cat([each.turned.weight for each in self.filters], 1)
        return Filter(channels_last(weights), None, 1, (0, 0), 1, None)

    def outputs(self) -> list[int]:
        """Return how many channels each filter makes."""
        return [each.weight.shape[0] for each in self.filters]


class _Branches(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, branches: Branches) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        found = [each.forward(x) for each in branches.filters]
        ctx.save_for_backward(
            *(None if p else y for y, p in zip(found, branches.passed, strict=True)),
        )
        ctx.branches, ctx.shape, ctx.places = branches, x.shape, None
        if branches.windows:
            pooled, ctx.places = branches.windows.forward(x)
            found.append(pooled)
        return tuple(found)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, None]:
        branches: Branches = ctx.branches
        total = None
        if branches.windows and grads[-1] is not None:
            total = branches.windows.backward(grads[-1], ctx.places, ctx.shape)
        above = grads[: len(branches.filters)]
        if all(each is None for each in above):
            return total, None
        outputs = ctx.saved_tensors
        if len(branches.filters) == 1:
            (only,) = branches.filters
            masked = _masked(above[0], outputs[0], only.limit)
            return only.input_gradient(masked, ctx.shape, total), None
        side_by_side = _side_by_side(branches, above, outputs, ctx.shape)
        return branches.merged.forward(side_by_side) if total is None else branches.merged.add_to(
            total, side_by_side
        ), None


def _side_by_side(
    branches: Branches, grads: Sequence[Tensor | None], outputs: Sequence[Tensor | None], shape: torch.Size
) -> Tensor:
    """Return the gradients of what the filters gave before their ReLUs, joined along the channels."""
    sizes = branches.outputs()
    like = next(each for each in grads if each is not None)
    found = torch.empty(
        (shape[0], sum(sizes), *shape[2:]),
        dtype=like.dtype,
        device=like.device,
        memory_format=torch.channels_last,
    )
    parts = found.split(sizes, 1)  # type: ignore[no-untyped-call]
    for part, grad, output, each in zip(parts, grads, outputs, branches.filters, strict=True):
        if grad is None:
            part.zero_()
        else:
            _masked(grad, output, each.limit, part)
    return found


def _masked(
    grad: Tensor | None, output: Tensor | None, limit: float | None, into: Tensor | None = None
) -> Tensor:
    """Return the gradient before a ReLU, whose output is given if its gradient was not taken yet.

    It is written to `into` if that is given.
    """
    assert grad is not None
    if output is not None and limit is not None:
        grad = torch.ops.aten.hardtanh_backward(grad, output, 0.0, limit)
    return channels_last(grad) if into is None else into.copy_(grad)
