"""What an ONNX file has in other places than its graph, taken in within bounds: functions of its own, and files of weights."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from batcountry.backend.limits import MOST_STEPS, check_layers
from batcountry.backend.policy import Policy
from batcountry.backend.reading import MAX_WEIGHTS, open_plain
from batcountry.errors import ModelError

_MOST_COPIES = 64 << 20  # bytes that functions may write anew where they are called


def inlined(proto: Any, where: str) -> Any:
    """Return a model with its functions written out where they are called; they may call each other.

    Raises
    ------
    ModelError
        If that would become more operations, or bytes, than any network has.
    """
    from onnx import inliner

    check_layers(len(proto.graph.node) + len(proto.functions), where, MOST_STEPS)
    if not proto.functions:
        return proto
    functions = {(each.domain, each.name): each for each in proto.functions}
    sizes: dict[tuple[str, str], tuple[int, int]] = {}
    count, size = _written_out(proto.graph.node, functions, sizes)
    check_layers(count, where, MOST_STEPS)
    if size > 4 * proto.ByteSize() + _MOST_COPIES:
        raise ModelError(f"{where} cannot be opened: its functions, written out, become {size:,} bytes")
    return inliner.inline_local_functions(proto)


def _written_out(
    nodes: Any, functions: Any, sizes: dict[tuple[str, str], tuple[int, int]]
) -> tuple[int, int]:
    """Return how many operations and bytes some nodes become; `sizes` remembers them of functions."""
    count = size = 0
    for node in nodes:
        key = (node.domain, node.op_type)
        if key in functions:
            if key not in sizes:
                sizes[key] = 0, 0  # for one that calls itself, which onnx refuses
                sizes[key] = _written_out(functions[key].node, functions, sizes)
            more = sizes[key]
        else:
            more = 1, node.ByteSize()
        inner = [
            _written_out(graph.node, functions, sizes)
            for each in node.attribute
            for graph in (each.g, *each.graphs)
            if graph.node
        ]
        count += more[0] + sum(each[0] for each in inner)
        size += more[1] + sum(each[1] for each in inner)
    return count, size


def load_files(proto: Any, folder: Path, policy: Policy) -> None:
    """Load the weights that lie in files beside a model, each as many bytes as its shape takes.

    Raises
    ------
    PolicyError
        If such a file may not be read.
    ModelError
        If it is missing, no plain file, or not in the folder, or has not what is asked for.
    """
    from onnx import external_data_helper

    outside = [each for each in _tensors(proto.graph) if external_data_helper.uses_external_data(each)]
    facts = [(each, {entry.key: entry.value for entry in each.external_data}) for each in outside]
    policy.check_files({folder / each.get("location", "") for _, each in facts})
    sizes: dict[str, int] = {}
    for tensor, told in facts:
        place = told.get("location", "")
        if place not in sizes:
            with open_plain(folder / place, most=MAX_WEIGHTS, error=ModelError) as file:
                sizes[place] = file.seek(0, 2)
        _check_length(tensor, told, folder / place, sizes[place])
    asked = sum(_bytes(each) for each in outside)
    if asked > 4 * sum(sizes.values()) + _MOST_COPIES:
        raise ModelError(f"its weights have {asked:,} bytes, and the files beside it {sum(sizes.values()):,}")
    for tensor in outside:
        external_data_helper.load_external_data_for_tensor(tensor, str(folder))
        tensor.data_location = 0
        del tensor.external_data[:]


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for node in graph.node:
        for each in node.attribute:
            yield from (each.t, *each.tensors)


def _check_length(tensor: Any, told: dict[str, str], place: Path, size: int) -> None:
    """Refuse what is not as long as the shape says, and say the length where it is left out, which stands for the whole file."""
    expected = _bytes(tensor)
    if not told.get("length", "0").isdigit() or not told.get("offset", "0").isdigit():
        raise ModelError(f"{place}: {tensor.name} is at no place in it; export the network again")
    start, length = int(told.get("offset", 0)), int(told.get("length", expected))
    if length != expected or start + length > size:
        raise ModelError(
            f"{place} does not have the {expected:,} bytes of {tensor.name}; copy the file again, or export the network again"
        )
    if "length" not in told:
        entry = tensor.external_data.add()
        entry.key, entry.value = "length", str(length)


def _bytes(tensor: Any) -> int:
    from onnx import TensorProto, helper

    packed = {getattr(TensorProto, name): 2 for name in ("INT4", "UINT4") if hasattr(TensorProto, name)}
    count = prod(tensor.dims)
    if tensor.data_type in packed:
        return -(-count // 2)
    return int(count * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
