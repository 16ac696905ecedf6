"""Batch and instance normalization whose gradients are right however tensors lie in memory.

On CPUs PyTorch's backward of `batch_norm` reads the gradient in a wrong order if there is one picture and an axis of length 1
has a stride that a new tensor's has not, as after `flatten(2).transpose(1, 2)`; `instance_norm`, a batch norm within, does
so for all gradients that lie channels last (PyTorch 2.13). What is here gives the same numbers, to the bit where those are right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class _FrozenBatchNorm(torch.autograd.Function):
    """Batch norm by stored statistics; its gradient is one factor for each channel."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        mean: Tensor,
        variance: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        eps: float,
    ) -> Tensor:
        ctx.variance, ctx.weight, ctx.eps = variance, weight, eps
        return torch.batch_norm(x, weight, bias, mean, variance, False, 0.0, eps, False)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        gradient, variance = gradients[0], ctx.variance
        precise = variance.double() if variance.is_cpu else variance  # as PyTorch rounds there
        inverse = _channels((1 / (precise + ctx.eps).sqrt()).to(variance.dtype), gradient)
        result = gradient * inverse
        if ctx.weight is not None:
            result = result * _channels(ctx.weight, gradient)
        return result.to(gradient.dtype), None, None, None, None, None


def _channels(values: Tensor, like: Tensor) -> Tensor:
    return values.reshape(-1, *[1] * (like.ndim - 2))


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Do what `torch.nn.functional.batch_norm` does, of which this has the signature, with the right gradient of `input`.

    With the batch's own statistics the stored ones are left as they are.
    """
    if training:
        if len(input) == 1 and input[0, 0].numel() > 1:
            return F.group_norm(input, input.shape[1], weight, bias, eps)
        return F.batch_norm(input, None, None, weight, bias, True, momentum, eps)
    if running_mean is None or running_var is None or not (input.requires_grad and torch.is_grad_enabled()):
        return F.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    of_picture = any(each is not None and each.requires_grad for each in (weight, bias))
    affine = (None, None) if of_picture else (weight, bias)
    result: Tensor = _FrozenBatchNorm.apply(input, running_mean, running_var, *affine, eps)  # type: ignore[no-untyped-call]
    if of_picture and weight is not None:
        result = result * _channels(weight, input)
    return result + _channels(bias, input) if of_picture and bias is not None else result


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Do what `torch.nn.functional.instance_norm` does, of which this has the signature, with the right gradient of `input`.

    Stored statistics are left as they are.
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    if input[0, 0].numel() == 1:
        return F.instance_norm(input, eps=eps)  # which says what is wrong
    return F.group_norm(input, input.shape[1], weight, bias, eps)


def _aten_batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = False,  # noqa: ARG001
) -> Tensor:
    return batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def _aten_instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = False,  # noqa: ARG001
) -> Tensor:
    return instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def _native_batch_norm(*args: Any, **named: Any) -> tuple[Tensor, Tensor, Tensor]:
    output = _aten_batch_norm(*args, **named)
    # Beside it are statistics that only a backward of PyTorch's would read.
    return output, output.new_empty(0), output.new_empty(0)


def _frozen_batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor,
    running_var: Tensor,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    return _native_batch_norm(input, weight, bias, running_mean, running_var, False, momentum, eps)


def _legit_batch_norm(
    input: Tensor, weight: Tensor | None, bias: Tensor | None, *more: Any, **named: Any
) -> Any:
    stored = () if len(more) + len(named) > 3 else (None, None)  # one of its forms has no stored statistics
    return _native_batch_norm(input, weight, bias, *stored, *more, **named)


ATEN: dict[str, Callable[..., Any]] = {
    "batch_norm": _aten_batch_norm,
    "instance_norm": _aten_instance_norm,
    "native_batch_norm": _native_batch_norm,
    "_native_batch_norm_legit": _legit_batch_norm,
    "_native_batch_norm_legit_no_training": _frozen_batch_norm,
}
"""What does the same as PyTorch's operations of these names, with their arguments."""


_REPLACED: dict[Any, Callable[..., Any]] = {
    F.batch_norm: batch_norm,
    F.instance_norm: instance_norm,
    **{getattr(torch, name): run for name, run in ATEN.items() if hasattr(torch, name)},
    **{getattr(torch.ops.aten, name): run for name, run in ATEN.items()},
    **{getattr(torch.ops.aten, name).default: run for name, run in ATEN.items()},
    torch.ops.aten._native_batch_norm_legit.no_stats: _legit_batch_norm,
}


class _Mode(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return _REPLACED.get(func, func)(*args, **(kwargs or {}))


@contextmanager
def exact_norms() -> Iterator[None]:
    """Have all batch and instance norms that run in this block, of modules or functions, be those of this module."""
    with _Mode():
        yield


class _Forward:
    """A module's `forward` within `exact_norms`."""

    def __init__(self, forward: Callable[..., Any]) -> None:
        self.inner = forward

    def __call__(self, *args: Any, **named: Any) -> Any:
        with exact_norms():
            return self.inner(*args, **named)


def use_exact_norms(module: nn.Module) -> None:
    """Have a module always run within `exact_norms`, whoever calls it; of its parts only when it calls them."""
    if not isinstance(module.forward, _Forward):
        module.forward = _Forward(module.forward)
