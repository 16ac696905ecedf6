"""Operators that add up, multiply matrices, or sort."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.models.loaders.onnx_ops.registry import OPERATORS, Node, numbers, operator


def _product(x: Tensor, axes: Sequence[int], keepdim: bool) -> Tensor:
    for axis in sorted((axis % x.ndim for axis in axes), reverse=True):
        x = x.prod(axis, keepdim=keepdim)
    return x


_REDUCE: dict[str, Callable[..., Tensor]] = {
    "ReduceMean": torch.mean,
    "ReduceSum": torch.sum,
    "ReduceMax": torch.amax,
    "ReduceMin": torch.amin,
    "ReduceProd": _product,
    "ReduceL1": lambda x, axes, keepdim: x.abs().sum(axes, keepdim=keepdim),
    "ReduceL2": lambda x, axes, keepdim: (x * x).sum(axes, keepdim=keepdim).sqrt(),
    "ReduceSumSquare": lambda x, axes, keepdim: (x * x).sum(axes, keepdim=keepdim),
    "ReduceLogSum": lambda x, axes, keepdim: x.sum(axes, keepdim=keepdim).log(),
    "ReduceLogSumExp": torch.logsumexp,
}


def _reducing(run: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def reduce(node: Node, x: Tensor, given: Tensor | None = None) -> Tensor:
        axes = numbers(node("axes") if given is None else given)
        if not axes and node("noop_with_empty_axes", 0):
            return x
        return run(x, axes or list(range(x.ndim)), keepdim=bool(node("keepdims", 1)))

    return reduce


OPERATORS.update({name: _reducing(run) for name, run in _REDUCE.items()})


def _extreme(run: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def extreme(node: Node, x: Tensor) -> Tensor:
        axis, keep = node("axis", 0), bool(node("keepdims", 1))
        if node("select_last_index", 0):
            return x.shape[axis] - 1 - run(x.flip(axis), axis, keep)
        return run(x, axis, keep)

    return extreme


OPERATORS["ArgMax"], OPERATORS["ArgMin"] = _extreme(torch.argmax), _extreme(torch.argmin)
OPERATORS["MatMul"] = lambda node, x, y: torch.matmul(x, y)  # noqa: ARG005
OPERATORS["Einsum"] = lambda node, *inputs: torch.einsum(node("equation"), *inputs)


@operator("Gemm")
def gemm(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiply matrices, either turned round, and add a bias."""
    x = x.t() if node("transA", 0) else x
    weight = weight if node("transB", 0) else weight.t()
    alpha, beta = node("alpha", 1.0), node("beta", 1.0)
    weight = weight if alpha == 1 else alpha * weight
    bias = bias if bias is None or beta == 1 else beta * bias
    if bias is None or bias.ndim == 1:
        return F.linear(x, weight, bias)
    return F.linear(x, weight) + bias


@operator("CumSum")
def running_sum(node: Node, x: Tensor, axis: Tensor) -> Tensor:
    """Add up along an axis, also backwards, with or without the element itself."""
    along = int(axis.item())
    y = x.flip(along) if node("reverse", 0) else x
    total = y.cumsum(along)
    total = total - y if node("exclusive", 0) else total
    return total.flip(along) if node("reverse", 0) else total


@operator("TopK")
def top(node: Node, x: Tensor, count: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the largest or smallest values along an axis, and where they lie."""
    k = node("k") if count is None else int(count.item())
    largest, in_order = bool(node("largest", 1)), bool(node("sorted", 1))
    found: Any = x.topk(k, node("axis", -1), largest, in_order)
    return found.values, found.indices


@operator("Hardmax")
def hardmax(node: Node, x: Tensor) -> Tensor:
    """Return 1 for the largest value along an axis and 0 for the others."""
    y = x if node.opset >= 13 else x.flatten(node("axis", 1) % x.ndim)
    axis = node("axis", -1) if node.opset >= 13 else -1
    return torch.zeros_like(y).scatter(axis, y.argmax(axis, keepdim=True), 1.0).reshape(x.shape)
