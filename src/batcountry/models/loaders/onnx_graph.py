"""From the graph of an ONNX file to a `Program`: constants folded, operators looked up, layers named."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from batcountry.errors import BatCountryError, ModelError, UnsupportedLayer, first_line
from batcountry.models.loaders.limits import FoldingWork
from batcountry.models.loaders.onnx_ops import pointwise, reductions, resize, shapes, windows  # noqa: F401
from batcountry.models.loaders.onnx_ops.registry import OPERATORS, Node, bounded
from batcountry.models.loaders.program import Operation, Program, Ref, Step, used_steps

log = logging.getLogger("batcountry")

_DOMAINS = ("", "ai.onnx")
_ALIASES = ("Identity", "Dropout")
"""Operators that hand a constant on as it is."""


def read_graph(proto: Any, where: str, *, channels_last: bool = False) -> Program:
    """Return the graph of a model, with its weights loaded, as a module that runs it node by node.

    What is not supported is left out together with all that needs it, if the picture reaches something before it.

    Parameters
    ----------
    where
        The file, for messages.
    channels_last
        Whether the picture enters with its channels last.

    Raises
    ------
    UnsupportedLayer
        If the picture reaches no operator that is supported.
    ModelError
        If the graph is damaged.
    """
    return _Reader(proto, where).read(channels_last=channels_last)


class _Reader:
    def __init__(self, proto: Any, where: str) -> None:
        self.graph, self.where = proto.graph, where
        versions = {each.domain: each.version for each in proto.opset_import}
        self.opset = versions.get("", versions.get("ai.onnx", 1))
        self.constants = {each.name: tensor_of(each) for each in self.graph.initializer}
        self.bytes_left = 4 * sum(each.numel() * each.element_size() for each in self.constants.values()) + (
            64 << 20
        )
        self.work = FoldingWork(sum(each.numel() for each in self.constants.values()), where)
        self.known = {"", *self.constants, *(each.name for each in self.graph.input)}
        self.missing: set[str] = set()
        self.unsupported: set[str] = set()
        self.steps: list[Step] = []
        self.names: list[str] = []
        self.count: Counter[str] = Counter()

    def read(self, *, channels_last: bool) -> Program:
        source = next(each.name for each in self.graph.input if each.name not in self.constants)
        if channels_last:
            turned = f"{source}, channels last"
            self.add("input", Operation(lambda x: x.permute(0, 2, 3, 1)), [source], (turned,))
            self.known.add(turned)
        for node in self.graph.node:
            inputs = [turned if channels_last and name == source else name for name in node.input]
            self.node(node, inputs)
        output = self.output()
        kept = used_steps(self.steps, output)
        places = {id(step) for step in kept}
        names = [name for name, step in zip(self.names, self.steps, strict=True) if id(step) in places]
        needed = {ref.name for step in kept for ref in step.given if isinstance(ref, Ref)}
        weights = {name: tensor for name, tensor in self.constants.items() if name in needed}
        return Program(kept, weights, source=source, output=output, where=self.where, names=names)

    def output(self) -> str:
        """Return the name of what the network gives, or of the last that is supported."""
        steps = [step for step in self.steps if step.results[0] not in self.constants]
        given = [each.name for each in self.graph.output if any(each.name in step.results for step in steps)]
        if self.unsupported and steps and not given:
            unsupported = ", ".join(sorted(self.unsupported))
            log.warning(
                "%s: what follows on operators that are not supported (%s) is left out",
                self.where,
                unsupported,
            )
            return steps[-1].results[0]
        if not given:
            unsupported = ", ".join(sorted(self.unsupported))
            if unsupported:
                raise UnsupportedLayer(f"{self.where} has operators that are not supported: {unsupported}")
            raise ModelError(f"{self.where} gives nothing that depends on the picture")
        return given[0]

    def node(self, node: Any, inputs: Sequence[str]) -> None:
        """Take over one node: as a constant if it has no other inputs, or else as a step."""
        results = tuple(node.output)
        self.check_order(node, inputs)
        self.known.update(results)
        kind = node.op_type if node.domain in _DOMAINS else f"{node.domain}.{node.op_type}"
        if self.missing.intersection(inputs) or (kind != "Constant" and kind not in OPERATORS):
            if not self.missing.intersection(inputs):
                self.unsupported.add(kind)
            self.missing.update(filter(None, results))
            return
        attributes = {each.name: _value(each) for each in node.attribute}
        if kind == "Constant":
            self.constants[results[0]] = _constant(attributes, self.where)
            return
        facts = Node(attributes, self.opset, sum(map(bool, results)))
        if all(name in self.constants for name in inputs if name) and (inputs or kind in _ALIASES):
            self.fold(kind, facts, inputs, results)
            return
        run, needed = self.module(kind, facts, inputs)
        self.add(_name(node), run, needed, results)

    def check_order(self, node: Any, inputs: Sequence[str]) -> None:
        """Raise `ModelError` if a node reads what only later ones make, as all do that go round in a circle, or none."""
        unknown = next((name for name in inputs if name and name not in self.known), None)
        if unknown is not None:
            raise ModelError(
                f"{self.where} is damaged: its node {node.name or node.op_type!r} reads {unknown!r}, which no node before it "
                "makes; export the network again"
            )

    def fold(self, kind: str, facts: Node, inputs: Sequence[str], results: Sequence[str]) -> None:
        given = [self.constants.get(name) for name in inputs]
        run = partial(OPERATORS[kind], facts, *given)
        try:
            if kind not in _ALIASES:
                self.work.check(run, given)
            found = run()
        except BatCountryError:
            raise
        except Exception as error:
            raise ModelError(f"{self.where}: {kind} cannot be worked out ({first_line(error)})") from error
        for name, tensor in zip(results, found if isinstance(found, tuple) else (found,), strict=False):
            self.constants[name] = tensor
            self.bytes_left -= tensor.untyped_storage().nbytes()
        if self.bytes_left < 0:
            raise ModelError(f"{self.where}: its constants become far larger than the weights in it")

    def module(self, kind: str, facts: Node, inputs: Sequence[str]) -> tuple[nn.Module, Sequence[str]]:
        """Return what runs a node, and the inputs it takes: PyTorch's own modules where they do, with their weights inside."""
        weights = [self.constants.get(name) for name in inputs[1:]]
        if inputs[0] not in self.constants and all(each is not None for each in weights):
            if kind == "Conv" and (convolution := _convolution(facts, *weights)) is not None:  # type: ignore[arg-type]
                return convolution, inputs[:1]
            if kind == "Gemm" and (dense := _dense(facts, *weights)) is not None:  # type: ignore[arg-type]
                return dense, inputs[:1]
        run = type(kind.replace(".", "_"), (Operation,), {})(partial(OPERATORS[kind], facts))
        return run, inputs

    def add(self, name: str, run: nn.Module, inputs: Sequence[str], results: tuple[str, ...]) -> None:
        self.names.append(f"{name}_{self.count[name]}" if self.count[name] else name)
        self.count[name] += 1
        self.steps.append(
            Step(name, "", tuple(Ref(each) if each else None for each in inputs), results, run=run)
        )


def _convolution(node: Node, weight: Tensor, bias: Tensor | None = None) -> nn.Module | None:
    count, group = weight.ndim - 2, node("group", 1)
    pads = node("pads", [0] * 2 * count)
    if count != 2 or node("auto_pad", "NOTSET") not in ("NOTSET", "VALID") or pads[:2] != pads[2:]:
        return None
    out, inner = weight.shape[:2]
    padding = (0, 0) if node("auto_pad") == "VALID" else tuple(pads[:2])
    run = nn.utils.skip_init(  # type: ignore[no-untyped-call]
        nn.Conv2d,
        inner * group,
        out,
        tuple(weight.shape[2:]),
        stride=tuple(node("strides", (1, 1))),
        padding=padding,
        dilation=tuple(node("dilations", (1, 1))),
        groups=group,
        bias=bias is not None,
    )
    return _filled(run, weight, bias)


def _dense(node: Node, weight: Tensor, bias: Tensor | None = None) -> nn.Module | None:
    if node("transA", 0) or node("alpha", 1.0) != 1 or node("beta", 1.0) != 1 or weight.ndim != 2:
        return None
    weight = weight if node("transB", 0) else weight.t().contiguous()
    if bias is not None and bias.shape != weight.shape[:1]:
        return None
    run = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0], bias=bias is not None)  # type: ignore[no-untyped-call]
    return _filled(run, weight, bias)


def _filled(run: Any, weight: Tensor, bias: Tensor | None) -> nn.Module:
    run.weight = nn.Parameter(weight, requires_grad=False)
    if bias is not None:
        run.bias = nn.Parameter(bias, requires_grad=False)
    return run


def _name(node: Any) -> str:
    """Return a layer's name: its node's in plain characters, or its operator's."""
    name = re.sub(r"[^\w/:-]", "_", node.name.replace(".", "/")) or node.op_type
    return (f"{node.domain.replace('.', '/')}/{name}" if node.domain else name).lstrip("/") or node.op_type


def tensor_of(proto: Any) -> Tensor:
    """Return a tensor of the file; half precision as float32, in which all is worked out."""
    from onnx import numpy_helper

    bounded(proto.dims)
    numbers = numpy_helper.to_array(proto)
    if numbers.dtype.name in ("float16", "bfloat16"):
        numbers = numbers.astype(np.float32)
    return torch.from_numpy(np.array(numbers))


def _value(attribute: Any) -> Any:
    from onnx import helper

    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (int, float, str)):
        return value
    if hasattr(value, "dims"):
        return tensor_of(value)
    return list(value) if isinstance(value, Sequence) or hasattr(value, "__len__") else value


_NUMBERS = {
    "value_float": torch.float32,
    "value_floats": torch.float32,
    "value_int": torch.int64,
    "value_ints": torch.int64,
}


def _constant(attributes: dict[str, Any], where: str) -> Tensor:
    for name in attributes.keys() & _NUMBERS.keys():
        return torch.tensor(attributes[name], dtype=_NUMBERS[name])
    value = attributes.get("value")
    if not isinstance(value, Tensor):
        raise ModelError(f"{where} has a constant that is no tensor of numbers")
    return value
