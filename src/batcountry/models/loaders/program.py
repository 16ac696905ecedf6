"""Programs of tensor operations, read from a file, as a module that runs them one by one.

TorchScript's files and exported programs both come down to a list of PyTorch's own operations. They
are run here by name from a list of those that only compute, so nothing else in such a file
ever runs, and each operation is a submodule, which can be listened to as in any other network.
"""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from batcountry.errors import ModelError, UnsupportedLayer

_MOST_DEEP = 32  # modules in modules

_NAMES = """
    conv1d conv2d convolution _convolution conv_transpose2d linear addmm matmul mm bmm baddbmm einsum
    batch_norm layer_norm native_layer_norm group_norm instance_norm _native_batch_norm_legit_no_training
    relu relu_ relu6 prelu leaky_relu leaky_relu_ elu elu_ selu celu gelu silu silu_ mish softplus
    sigmoid sigmoid_ tanh hardtanh hardtanh_ hardswish hardswish_ hardsigmoid softmax _softmax log_softmax
    max_pool2d max_pool2d_with_indices avg_pool2d adaptive_avg_pool2d _adaptive_avg_pool2d adaptive_max_pool2d
    avg_pool3d mean sum amax amin max min var std cumsum
    add add_ sub sub_ rsub mul mul_ div div_ neg abs pow square sqrt rsqrt reciprocal exp log clamp clamp_ clamp_min clamp_max
    minimum maximum floor ceil round where eq ne lt le gt ge logical_and logical_or logical_not floor_divide remainder
    cat concat stack split split_with_sizes chunk unbind slice select narrow index_select flatten unflatten
    view _unsafe_view reshape permute transpose t squeeze unsqueeze expand expand_as repeat movedim roll flip
    contiguous clone alias detach lift_fresh_copy dropout dropout_ feature_dropout to type_as _to_copy
    pad constant_pad_nd reflection_pad2d replication_pad2d pixel_shuffle pixel_unshuffle
    upsample_nearest2d upsample_bilinear2d upsample_bicubic2d scaled_dot_product_attention
    zeros zeros_like ones ones_like full full_like arange
"""


def _number_or(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operation of tensors that is also one of sizes."""
    tensors = getattr(torch.ops.aten, name)

    def run(*given: Any, **named: Any) -> Any:
        if not named and all(isinstance(each, (int, float)) for each in given):
            return _small(plain(*given))
        return tensors(*given, **named)

    return run


def _small(number: Any) -> Any:
    """Return a number if it has no more than 64 bits; Python's may have any number of them, and take any time."""
    if isinstance(number, int) and number.bit_length() > 64:
        raise ModelError("a number of the program has more than 64 bits, which no size has")
    return number


def _list(*items: Any) -> list[Any]:
    """Return a list; one of lists of lists, which may be endless to look through, is none of PyTorch's."""
    inner = [each for item in items if isinstance(item, (list, tuple)) for each in item]
    if any(isinstance(each, (list, tuple)) for each in inner):
        raise ModelError("the program has lists in lists in lists, which no operation of PyTorch takes")
    return list(items)


def _size(x: Tensor, axis: int | None = None) -> Any:
    return list(x.shape) if axis is None else x.shape[axis]


OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(torch.ops.aten, name) for name in _NAMES.split() if hasattr(torch.ops.aten, name)},
    # In the words of torch, so that what changes those for a while changes these.
    "relu": torch.relu,
    "relu_": torch.relu_,
    "relu6": F.relu6,
    "hardtanh": F.hardtanh,
    "hardtanh_": F.hardtanh_,
    **{name: _number_or(name, getattr(operator, name)) for name in ("add", "sub", "mul", "neg", "eq", "ne")},
    **{name: _number_or(name, getattr(operator, name)) for name in ("lt", "le", "gt", "ge")},
    "floor_divide": _number_or("floor_divide", operator.floordiv),
    "floordiv": lambda x, y: _small(x // y),
    "remainder": _number_or("remainder", operator.mod),
    "size": _size,
    "sym_size": _size,
    "dim": lambda x: x.dim(),
    "len": len,
    "getitem": operator.getitem,
    "Int": int,
    "same": lambda x: x,
    "list": _list,
}
"""What a program may do, by name: PyTorch's operations that compute a tensor, and arithmetic of sizes."""


@dataclass(frozen=True)
class Ref:
    """The result of an earlier step, by name."""

    name: str


@dataclass(frozen=True)
class Step:
    """One operation.

    Attributes
    ----------
    operation
        One of `OPERATIONS`.
    path
        The dotted path of the module that it was in, or nothing.
    given, named
        Its arguments: numbers, tuples, and `Ref`s.
    results
        The names of its results.
    """

    operation: str
    path: str
    given: tuple[Any, ...]
    results: tuple[str, ...]
    named: Mapping[str, Any] = field(default_factory=dict)


class Operation(nn.Module):
    """One step as a module, so that its result can be listened to."""

    def __init__(self, run: Callable[..., Any]) -> None:
        super().__init__()
        self._run = run

    def forward(self, *given: Any, **named: Any) -> Any:
        """Run the operation."""
        return self._run(*given, **named)


class Program(nn.Module):
    """Steps run one after the other.

    Parameters
    ----------
    steps
        In order.
    weights
        Tensors by name that steps refer to.
    source
        Name of the picture.
    output
        Name of the result.
    where
        The file, for messages.

    Raises
    ------
    UnsupportedLayer
        If a step does something that is not in `OPERATIONS`.
    """

    def __init__(
        self, steps: Sequence[Step], weights: Mapping[str, Tensor], *, source: str, output: str, where: str
    ) -> None:
        super().__init__()
        unknown = sorted({each.operation for each in steps} - OPERATIONS.keys())
        if unknown:
            raise UnsupportedLayer(f"{where} has operations that are not supported: {', '.join(unknown)}")
        self._names = {name: f"weight_{index}" for index, name in enumerate(weights)}
        for name, tensor in weights.items():
            self.register_buffer(self._names[name], tensor)
        self._source, self._output = source, output
        self._steps = [(step, Operation(OPERATIONS[step.operation])) for step in steps]
        for (_, operation), name in zip(self._steps, _named(steps), strict=True):
            _add(self, name, operation)

    def forward(self, x: Tensor) -> Any:
        """Run all steps on the picture."""
        values: dict[str, Any] = {name: getattr(self, own) for name, own in self._names.items()}
        values[self._source] = x
        for step, operation in self._steps:
            given = [_filled(each, values) for each in step.given]
            named = {key: _filled(each, values) for key, each in step.named.items()}
            found = operation(*given, **named)
            results = (found,) if len(step.results) == 1 else found
            values.update(zip(step.results, results, strict=False))
        return values[self._output]


def _filled(argument: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(argument, Ref):
        return values[argument.name]
    if isinstance(argument, tuple):
        return [_filled(each, values) for each in argument]
    return argument


def _named(steps: Sequence[Step]) -> list[str]:
    """Name each step: as its module if it is the only one there, and else by its operation too."""
    paths = [_clean(step.path) for step in steps]
    count = Counter(paths)
    inner = {path[:end] for path in paths for end in range(len(path)) if path[end] == "."}
    kinds: dict[str, set[str]] = {}
    for step, path in zip(steps, paths, strict=True):
        kinds.setdefault(path, set()).add(step.operation)
    names: list[str] = []
    taken: Counter[str] = Counter()
    for step, path in zip(steps, paths, strict=True):
        # One operation several times is a ReLU that is used again.
        alone = path and path not in inner and (count[path] == 1 or len(kinds[path]) == 1)
        name = path if alone else f"{path}.{step.operation}" if path else step.operation
        name = name.removesuffix("_")
        names.append(f"{name}_{taken[name]}" if taken[name] else name)
        taken[name] += 1
    return names


def _clean(path: str) -> str:
    """Return a module's path in plain characters; what is no path that a module could have is none."""
    return re.sub(r"[^\w.]", "_", path) if len(path) < 1000 and path.count(".") < _MOST_DEEP else ""


def _add(root: nn.Module, name: str, module: nn.Module) -> None:
    *above, last = name.split(".")
    for part in above:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    root.add_module(last, module)


def used_steps(steps: Sequence[Step], output: str) -> list[Step]:
    """Return the steps that lead to a result, in order."""
    needed, kept = {output}, []
    for step in reversed(steps):
        if needed.intersection(step.results) or step.operation.endswith("_"):
            needed.update(each.name for each in _refs([*step.given, *step.named.values()]))
            kept.append(step)
    return kept[::-1]


def _refs(arguments: Any) -> Iterator[Ref]:
    for each in arguments:
        if isinstance(each, Ref):
            yield each
        elif isinstance(each, tuple):
            yield from _refs(each)


def one_picture(names: Sequence[str], where: str) -> str:
    """Return the name of a program's one input.

    Raises
    ------
    ModelError
        If it has none, or several.
    """
    if len(names) != 1:
        raise ModelError(f"{where} must have one input, a picture; it has {len(names)}")
    return names[0]
