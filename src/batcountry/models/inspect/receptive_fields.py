"""Which pixels the units of a module's layers see, where its code proves it.

The module is traced symbolically (`torch.fx`), so that nothing in it can depend on the picture's size
unseen. Only operations whose windows are known are followed; what any other touches sees the
whole picture, as far as anybody can tell, and is not worked out in tiles.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import reduce
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from batcountry.backend.receptive_field import PIXEL, ReceptiveField, Window
from batcountry.errors import raised_in
from batcountry.models.inspect.op_windows import attribute, filters, operation_window, padded, sliding
from batcountry.models.inspect.tracing import Place

_POINTWISE = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.Sigmoid, nn.Tanh, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh, nn.Softplus, nn.LogSigmoid),
    *(nn.Identity, nn.Dropout, nn.Dropout2d, nn.AlphaDropout),
)

_FUNCTIONS = frozenset(
    (
        *(torch.relu, torch.relu_, torch.sigmoid, torch.tanh, torch.add, torch.sub, torch.mul, torch.div),
        *(F.relu, F.relu_, F.relu6, F.leaky_relu, F.elu, F.selu, F.celu, F.gelu, F.silu, F.mish),
        *(F.hardswish, F.hardsigmoid, F.hardtanh, F.softplus, F.sigmoid, F.tanh, F.dropout),
        *(operator.add, operator.sub, operator.mul, operator.truediv, operator.neg),
        *(operator.iadd, operator.isub, operator.imul, operator.itruediv),
    )
)

_METHODS = frozenset(
    (
        *("relu", "relu_", "sigmoid", "sigmoid_", "tanh", "tanh_", "add", "add_", "sub", "sub_"),
        *("mul", "mul_", "div", "div_", "clamp", "clamp_", "neg", "contiguous", "clone"),
    )
)

_IN_PLACE = frozenset(
    (
        *(torch.relu_, F.relu_, operator.setitem),
        *(operator.iadd, operator.isub, operator.imul, operator.itruediv),
    )
)


def receptive_fields(module: nn.Module) -> Mapping[Place, ReceptiveField | None]:
    """Return what the units of each call of each part see; nothing if the code cannot be followed."""
    tensors = [*module.parameters(), *module.buffers()]
    tracer = _Tracer()
    try:
        # A copy, since code may keep what it is given; with the same weights.
        copy = deepcopy(module, {id(each): each for each in tensors})
        graph = tracer.trace(copy)
    except Exception as error:  # whatever a network does with a picture that is none
        if raised_in(error, __name__):
            raise
        return {}
    parts = dict(copy.named_modules())
    seen: dict[fx.Node, ReceptiveField | None] = {}
    made: dict[fx.Node, ReceptiveField | None] = {}
    roots: dict[fx.Node, fx.Node] = {}  # nodes with one root may be one tensor
    for node in graph.nodes:
        made[node] = seen[node] = PIXEL if node.op == "placeholder" else _field(node, seen, parts)
        first = node.args[0] if node.args and isinstance(node.args[0], fx.Node) else None
        roots[node] = roots[first] if first is not None and _may_alias(node, parts) else node
        if first is not None and _writes(node):
            if seen[node] is None:
                return {}  # what else it has written over, nobody knows
            seen.update({each: seen[node] for each in seen if roots[each] is roots[node]})
    return {place: made.get(node) for place, node in tracer.results.items()}


def _writes(node: fx.Node) -> bool:
    """Whether a node writes over its first input with something that sees more."""
    if node.op == "call_method":
        return str(node.target).endswith("_")
    return node.op == "call_function" and (
        node.target in _IN_PLACE or getattr(node.target, "__name__", "").endswith("_") or "out" in node.kwargs
    )


def _may_alias(node: fx.Node, parts: Mapping[str, nn.Module]) -> bool:
    """Whether a node's result may be the tensor that it was given."""
    if node.op == "call_module":
        part = parts[str(node.target)]
        return isinstance(part, (nn.Identity, nn.Dropout, nn.Dropout2d, nn.AlphaDropout)) or bool(
            getattr(part, "inplace", False)
        )
    if node.op == "call_method" and node.target == "contiguous":
        return True
    return _writes(node) or node.target is F.dropout or bool(node.kwargs.get("inplace", False))


class _Proxy(fx.Proxy):
    """Stays the same tensor where code writes over it, as `+=` does; fx's own becomes another."""

    def __iadd__(self, other: Any) -> fx.Proxy:
        return self._over(operator.iadd, other)

    def __isub__(self, other: Any) -> fx.Proxy:
        return self._over(operator.isub, other)

    def __imul__(self, other: Any) -> fx.Proxy:
        return self._over(operator.imul, other)

    def __itruediv__(self, other: Any) -> fx.Proxy:
        return self._over(operator.itruediv, other)

    def _over(self, change: Callable[..., Any], other: Any) -> fx.Proxy:
        return self.tracer.create_proxy("call_function", change, (self, other), {})


class _Tracer(fx.Tracer):
    """Notes which node is the result of each call of each module, also of those that it looks into."""

    def __init__(self) -> None:
        super().__init__()
        self.results: dict[Place, fx.Node] = {}
        self._count: Counter[str] = Counter()

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        path = self.path_of_module(m)
        found = super().call_module(m, forward, args, kwargs)
        if isinstance(found, fx.Proxy):
            self.results[path, self._count[path]] = found.node
        self._count[path] += 1
        return found


def _field(
    node: fx.Node, seen: Mapping[fx.Node, ReceptiveField | None], parts: Mapping[str, nn.Module]
) -> ReceptiveField | None:
    """Return what a node's units see; None if that is unknown."""
    given = node.all_input_nodes
    if filters(node):
        given = [each for each in given if each.op != "get_attr"]
    above = [seen[each] for each in given if not _is_constant(each, parts[""])]
    known = [each for each in above if each is not None]
    window = _window(node, parts)
    if window is None or not known or len(known) < len(above):
        return None
    return reduce(ReceptiveField.joined, known).through(window)


def _window(node: fx.Node, parts: Mapping[str, nn.Module]) -> Window | None:
    if node.op == "call_module":
        return _module_window(parts[str(node.target)])
    if isinstance(node.target, torch._ops.OpOverloadPacket):
        return operation_window(node, parts[""])
    if node.op == "call_function" and node.target is torch.cat:
        axis = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
        return Window() if axis == 1 else None
    if node.op == "call_function" and node.target is F.pad:
        settings = node.kwargs.get("mode", "constant"), node.kwargs.get("value") or 0
        zeros = len(node.args) == 2 and settings == ("constant", 0)
        return padded(node.args[1]) if zeros else None
    plain = (node.op == "call_function" and node.target in _FUNCTIONS) or (
        node.op == "call_method" and node.target in _METHODS
    )
    return Window() if plain else None


def _module_window(part: nn.Module) -> Window | None:
    if part._forward_pre_hooks or part._forward_hooks:
        return None
    kind = type(part)
    if kind in _POINTWISE or (kind is nn.BatchNorm2d and part.running_mean is not None):
        return Window()
    if kind is nn.Conv2d and part.padding_mode == "zeros" and not isinstance(part.padding, str):
        return sliding(part.kernel_size, part.stride, part.padding, part.dilation)
    if kind is nn.MaxPool2d and not part.return_indices:
        return sliding(part.kernel_size, part.stride, part.padding, part.dilation)
    if kind is nn.ZeroPad2d:
        return padded(part.padding)
    if kind is nn.AvgPool2d:
        return sliding(part.kernel_size, part.stride, part.padding, 1)
    return None


def _is_constant(node: fx.Node, module: nn.Module) -> bool:
    """Whether a node is a weight that is the same at every place."""
    if node.op != "get_attr":
        return False
    value = attribute(node, module)
    return isinstance(value, Tensor) and (value.ndim == 0 or (value.ndim >= 3 and value.shape[-2:] == (1, 1)))
