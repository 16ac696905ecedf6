"""Windows of PyTorch's own operations, as they stand in programs."""

from __future__ import annotations

from typing import Any

from torch import Tensor, fx, nn

from batcountry.backend.receptive_field import Window

_FILTERS = (
    "conv2d",
    "convolution",
    "_convolution",
    "batch_norm",
    "_native_batch_norm_legit_no_training",
    "prelu",
)

_POINTWISE = frozenset(
    (
        *("add", "add_", "sub", "sub_", "mul", "mul_", "div", "div_", "neg", "alias", "clone", "contiguous"),
        *(
            "leaky_relu",
            "leaky_relu_",
            "elu",
            "elu_",
            "selu",
            "celu",
            "gelu",
            "silu",
            "silu_",
            "mish",
            "softplus",
        ),
        *("sigmoid", "sigmoid_", "tanh", "hardtanh_", "hardswish", "hardswish_", "hardsigmoid"),
        *("clamp", "clamp_", "clamp_min", "clamp_max", "detach", "dropout", "dropout_", "feature_dropout"),
    )
)


def filters(node: fx.Node) -> bool:
    """Whether a node is an operation that its weights make: they need not be the same at every place."""
    return node.op == "call_function" and getattr(node.target, "__name__", "") in _FILTERS


def operation_window(node: fx.Node, module: nn.Module) -> Window | None:
    """Return the window of one of `torch.ops.aten`, or None if it is not known."""
    name, args = str(getattr(node.target, "__name__", "")), list(node.args)
    if name in _POINTWISE:
        return Window()
    if name in ("batch_norm", "_native_batch_norm_legit_no_training", "prelu"):
        return None if name == "batch_norm" and (len(args) < 6 or args[5] is not False) else Window()
    if name in ("conv2d", "convolution", "_convolution"):
        return _convolution(name, args, module)
    if name in ("max_pool2d", "avg_pool2d"):
        kernel, stride, padding = (args[1:] + [None] * 3)[:3]
        dilation = args[4] if name == "max_pool2d" and len(args) > 4 else 1
        return sliding(kernel, stride or kernel, padding or 0, dilation)
    if name in ("pad", "constant_pad_nd"):
        return padded(args[1]) if args[2:] in ([], [0], ["constant"], ["constant", None]) else None
    if name in ("cat", "concat"):
        return Window() if args[1:] == [1] else None
    return None


def _convolution(name: str, args: list[Any], module: nn.Module) -> Window | None:
    weight = attribute(args[1], module) if isinstance(args[1], fx.Node) else None
    if not isinstance(weight, Tensor) or weight.ndim != 4:
        return None
    if name != "conv2d" and (len(args) < 8 or args[6]):  # transposed
        return None
    given: list[Any] = args[3:6]
    settings: list[Any] = given + [1, 0, 1][len(given) :]
    return sliding(tuple(weight.shape[2:]), *settings)


def padded(sides: Any) -> Window | None:
    """Return the window of zeros put round a picture: so many on the left, right, top and bottom."""
    if (
        not isinstance(sides, (tuple, list))
        or len(sides) != 4
        or not all(isinstance(each, int) for each in sides)
    ):
        return None
    left, right, top, bottom = sides
    if min(left, right, top, bottom) < 0 or left != top:
        return None
    return Window(left, -left)


def attribute(node: fx.Node, module: nn.Module) -> Any:
    """Return the value of a `get_attr` node, and None of any other."""
    if node.op != "get_attr":
        return None
    value: Any = module
    for name in str(node.target).split("."):
        value = getattr(value, name)
    return value


def sliding(kernel: Any, stride: Any, padding: Any, dilation: Any) -> Window | None:
    """Return the window of a convolution or a pool, wide enough for both axes."""
    pairs = [
        tuple(each) if isinstance(each, (tuple, list)) else (each, each)
        for each in (kernel, stride, padding, dilation)
    ]
    if any(len(each) == 1 for each in pairs):
        pairs = [each * 2 if len(each) == 1 else each for each in pairs]
    if any(not isinstance(number, int) for each in pairs for number in each):
        return None  # it depends on the picture
    kernels, strides, paddings, dilations = pairs
    if strides[0] != strides[1]:
        return None
    after = [d * (k - 1) - p for k, p, d in zip(kernels, paddings, dilations, strict=True)]
    return Window(max(paddings), max(after), strides[0])
