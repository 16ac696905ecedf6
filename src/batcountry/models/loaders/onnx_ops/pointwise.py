"""Operators that work element by element."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.models.loaders.onnx_ops.registry import DTYPES, OPERATORS, Node, operator


def _plain(run: Callable[..., Any]) -> Callable[..., Any]:
    return lambda node, *inputs: run(*inputs)  # noqa: ARG005


_SAME_NAMES = """
    Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Erf Exp Floor IsInf IsNaN Log Neg Reciprocal Relu Round Sigmoid Sign Sin
    Sinh Sqrt Tan Tanh Where
"""

OPERATORS.update(
    {
        **{name: _plain(getattr(torch, name.lower())) for name in _SAME_NAMES.split()},
        "Identity": _plain(lambda x: x),
        "Dropout": lambda node, x, *_: (
            (x, torch.ones_like(x, dtype=torch.bool))[: node.outputs] if node.outputs > 1 else x
        ),
        "Not": _plain(torch.logical_not),
        "Softplus": _plain(F.softplus),
        "Softsign": _plain(F.softsign),
        "HardSwish": _plain(F.hardswish),
        "Mish": _plain(F.mish),
        "Add": _plain(torch.add),
        "Sub": _plain(torch.sub),
        "Mul": _plain(torch.mul),
        "And": _plain(torch.logical_and),
        "Or": _plain(torch.logical_or),
        "Xor": _plain(torch.logical_xor),
        "BitwiseAnd": _plain(torch.bitwise_and),
        "BitwiseOr": _plain(torch.bitwise_or),
        "BitwiseXor": _plain(torch.bitwise_xor),
        "BitwiseNot": _plain(torch.bitwise_not),
        "Equal": _plain(torch.eq),
        "Greater": _plain(torch.gt),
        "GreaterOrEqual": _plain(torch.ge),
        "Less": _plain(torch.lt),
        "LessOrEqual": _plain(torch.le),
        "Max": _plain(lambda *inputs: reduce(torch.maximum, inputs)),
        "Min": _plain(lambda *inputs: reduce(torch.minimum, inputs)),
        "Sum": _plain(lambda *inputs: reduce(torch.add, inputs)),
        "Mean": _plain(lambda *inputs: reduce(torch.add, inputs) / len(inputs)),
        "Elu": lambda node, x: F.elu(x, node("alpha", 1.0)),
        "Celu": lambda node, x: F.celu(x, node("alpha", 1.0)),
        "LeakyRelu": lambda node, x: F.leaky_relu(x, node("alpha", 0.01)),
        "ThresholdedRelu": lambda node, x: F.threshold(x, node("alpha", 1.0), 0.0),
        "HardSigmoid": lambda node, x: (x * node("alpha", 0.2) + node("beta", 0.5)).clamp(0, 1),
        "Gelu": lambda node, x: F.gelu(x, approximate=node("approximate", "none")),
        "Cast": lambda node, x, *_: x.to(DTYPES[node("to")]),
        "CastLike": lambda node, x, like: x.to(like.dtype),  # noqa: ARG005
    }
)


@operator("Div")
def divide(node: Node, x: Tensor, y: Tensor) -> Tensor:  # noqa: ARG001
    """Divide; whole numbers give whole numbers, without what is left over."""
    whole = not (x.is_floating_point() or y.is_floating_point())
    return torch.div(x, y, rounding_mode="trunc" if whole else None)


@operator("Pow")
def power(node: Node, x: Tensor, y: Tensor) -> Tensor:  # noqa: ARG001
    """Raise to a power; one that is a number by itself is quicker as that."""
    result = x ** (y.item() if y.numel() == 1 and not y.requires_grad and not y.is_meta else y)
    return result.to(x.dtype)


@operator("Mod")
def modulo(node: Node, x: Tensor, y: Tensor) -> Tensor:
    """Return what is left over, with the sign of the divisor, or with `fmod` of the dividend."""
    return torch.fmod(x, y) if node("fmod", 0) else torch.remainder(x, y)


@operator("Selu")
def selu(node: Node, x: Tensor) -> Tensor:
    """Run SELU, whose two constants a file may state."""
    alpha, gamma = node("alpha", 1.67326319217681884765625), node("gamma", 1.05070102214813232421875)
    return gamma * F.elu(x, alpha)


@operator("PRelu")
def prelu(node: Node, x: Tensor, slope: Tensor) -> Tensor:  # noqa: ARG001
    """Multiply what is below zero by slopes that broadcast."""
    return torch.where(x < 0, x * slope, x)


@operator("Shrink")
def shrink(node: Node, x: Tensor) -> Tensor:
    """Move what is far from zero nearer, and set what is near to zero."""
    edge, bias = node("lambd", 0.5), node("bias", 0.0)
    return torch.where(x < -edge, x + bias, torch.where(x > edge, x - bias, torch.zeros_like(x)))


@operator("Clip")
def clip(node: Node, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    """Clamp; before opset 11 the bounds are attributes."""
    bottom, top = (
        node(name) if bound is None else bound.item() for name, bound in (("min", low), ("max", high))
    )
    if bottom is None and top is None:
        return x
    if (bottom, top) == (0.0, 6.0):
        return F.relu6(x)
    return x.clamp(bottom, top)


def _softmax(run: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def softmax(node: Node, x: Tensor) -> Tensor:
        if node.opset >= 13:
            return run(x, node("axis", -1))
        axis = node("axis", 1) % x.ndim  # from here on all axes are one
        return run(x.flatten(axis), -1).reshape(x.shape)

    return softmax


OPERATORS["Softmax"] = _softmax(torch.softmax)
OPERATORS["LogSoftmax"] = _softmax(torch.log_softmax)
