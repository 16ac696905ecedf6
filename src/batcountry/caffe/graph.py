"""A net's layers as a graph: who makes which blob, who reads it, and of what shape it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from batcountry.caffe.fillers import filled
from batcountry.caffe.layers.registry import LayerType, Param, Shape, layer_type
from batcountry.caffe.messages import LayerParameter
from batcountry.caffe.weights import Blobs
from batcountry.errors import ModelError, suggestion

MAX_BLOB = 1 << 29
"""Most numbers in one blob of weights: five times the largest of VGG's."""


@dataclass(frozen=True, eq=False)
class Node:
    """One layer in its place: its message, its type's function, its weights."""

    layer: Any
    kind: LayerType
    params: list[Tensor]

    @property
    def name(self) -> str:
        """The layer's name."""
        return str(self.layer.name)

    @property
    def bottoms(self) -> tuple[str, ...]:
        """Names of the blobs it reads."""
        return tuple(self.layer.bottom)

    @property
    def tops(self) -> tuple[str, ...]:
        """Names of the blobs it makes."""
        return tuple(self.layer.top)

    @property
    def in_place(self) -> bool:
        """Whether it writes over a blob that it reads."""
        return bool(set(self.bottoms) & set(self.tops))

    def run(self, *bottoms: Tensor) -> tuple[Tensor, ...]:
        """Run the layer; raises `ModelError`, naming it, on shapes that cannot be."""
        try:
            tops = self.kind.run(self.layer, self.params, *bottoms)
        except (RuntimeError, ValueError, IndexError, TypeError, ArithmeticError) as error:
            shapes = ", ".join(str(tuple(each.shape)) for each in bottoms)
            reason = str(error).split("\n", maxsplit=1)[0]
            raise ShapeError(
                f"layer {self.name!r} ({self.layer.type}) cannot run on {shapes}: {reason}"
            ) from error
        return tops if isinstance(tops, tuple) else (tops,)


class ShapeError(ModelError, RuntimeError):
    """A layer cannot run on blobs of these shapes."""


def check_wiring(layers: Sequence[Any], where: str) -> None:
    """Raise `ModelError` if a layer reads a blob that no layer before it makes."""
    made: dict[str, None] = {}
    for layer in layers:
        for bottom in layer.bottom:
            if bottom not in made:
                raise ModelError(
                    f"{where}: layer {layer.name!r} reads the blob {bottom!r}, which no layer before it makes"
                    f"{suggestion(bottom, made)}"
                )
        made.update(dict.fromkeys(layer.top))


def with_splits(layers: Sequence[Any]) -> list[Any]:
    """Return the layers with Caffe's automatic Split layers put in.

    A blob version with several readers gets a layer `<blob>_<layer>_<i>_split` right after its
    last writer, with a top of its own for each reader.
    """
    readers: dict[tuple[int, str], int] = defaultdict(int)
    writer: dict[str, int] = {}
    for index, layer in enumerate(layers):
        for bottom in layer.bottom:
            readers[writer[bottom], bottom] += 1
        writer.update(dict.fromkeys(layer.top, index))
    served: dict[tuple[int, str], int] = defaultdict(int)
    writer, result = {}, []
    for index, original in enumerate(layers):
        layer = LayerParameter()
        layer.CopyFrom(original)
        for i, bottom in enumerate(layer.bottom):
            version = writer[bottom], bottom
            if readers[version] > 1:
                layer.bottom[i] = _split_name(layers[version[0]], bottom) + f"_{served[version]}"
                served[version] += 1
        result.append(layer)
        for top in layer.top:
            writer[top] = index
            if (count := readers[index, top]) > 1:
                name = _split_name(original, top)
                tops = [f"{name}_{k}" for k in range(count)]
                result.append(LayerParameter(name=name, type="Split", bottom=[top], top=tops))
    return result


def _split_name(layer: Any, blob: str) -> str:
    return f"{blob}_{layer.name}_{list(layer.top).index(blob)}_split"


def build_nodes(layers: Sequence[Any], blobs: Blobs | None = None, where: str = "the net") -> list[Node]:
    """Return the nodes of a net with their weights; parameters of one name are one tensor.

    Weights are a file's own arrays, found by layer name. Layers that the file lacks have what
    their fillers say, and layers that the net lacks are left out, as in Caffe. Shapes agree if
    they are equal but for leading ones.

    Raises
    ------
    ModelError
        If a layer cannot be, or with a list of every layer whose blobs are of another number or shape.
    """
    shared: dict[str, Tensor] = {}
    shapes: dict[str, Shape] = {}
    nodes: list[Node] = []
    wrong: list[str] = []
    for layer in layers:
        kind = layer_type(layer.type)
        specs = _specs(kind, layer, [shapes[each] for each in layer.bottom])
        stored = (blobs or {}).get(layer.name, [])
        if stored and [_squeezed(each.shape) for each in stored] != [_squeezed(each.shape) for each in specs]:
            theirs, ours = [each.shape for each in stored], [each.shape for each in specs]
            wrong.append(f"layer {layer.name!r} has {theirs} where the net wants {ours}")
            stored = []
        params = []
        for index, spec in enumerate(specs):
            name = layer.param[index].name if index < len(layer.param) else ""
            tensor = shared.get(name) if name else None
            if tensor is None:
                given = torch.from_numpy(stored[index]).reshape(spec.shape) if stored else None
                tensor = filled(spec.filler, spec.shape) if given is None else given
            shared[name] = tensor
            params.append(tensor)
        nodes.append(Node(layer, kind, params))
        infer_shapes(nodes[-1:], shapes)
    if wrong:
        raise ModelError(f"{where} does not fit the net: {'; '.join(wrong)}")
    return nodes


def _specs(kind: LayerType, layer: Any, bottoms: Sequence[Shape]) -> list[Param]:
    try:
        specs = kind.params(layer, bottoms)
    except (ArithmeticError, IndexError, ValueError) as error:
        raise ShapeError(f"layer {layer.name!r} ({layer.type}) cannot run on {bottoms}: {error}") from None
    for spec in specs:
        if prod(spec.shape) > MAX_BLOB:
            raise ModelError(
                f"layer {layer.name!r} wants weights of shape {spec.shape}, more than any real net has"
            )
    return specs


def infer_shapes(nodes: Sequence[Node], shapes: dict[str, Shape]) -> None:
    """Add the shapes of the nodes' tops to `shapes`, which holds those of the inputs."""
    for node in nodes:
        if node.layer.type == "Input":
            for top, tensor in zip(node.tops, node.run(), strict=True):
                shapes.setdefault(top, tuple(tensor.shape))
            continue
        bottoms = [torch.empty(shapes[each], device="meta") for each in node.bottoms]
        ghost = Node(node.layer, node.kind, [each.to("meta") for each in node.params])
        for top, tensor in zip(node.tops, ghost.run(*bottoms), strict=True):
            if 0 in tensor.shape:
                raise ShapeError(
                    f"layer {node.name!r} makes the empty shape {tuple(tensor.shape)}; its input is too small"
                )
            shapes[top] = tuple(tensor.shape)


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    while shape and shape[0] == 1:
        shape = shape[1:]
    return shape


def ancestors(nodes: Sequence[Node], wanted: Collection[str]) -> list[Node]:
    """Return the nodes that have to run for the layers `wanted`, in running order."""
    needed: set[str] = set()
    kept = []
    for node in reversed(nodes):
        if node.name in wanted or needed & set(node.tops):
            kept.append(node)
            # A version of a blob that is made here is needed no further up, unless it is read here too.
            needed -= set(node.tops)
            needed |= set(node.bottoms)
    return kept[::-1]


def windows(nodes: Sequence[Node]) -> Mapping[str, tuple[int | None, int | None]]:
    """Return each layer's (stride, receptive field) in pixels of the input; None for all of it."""
    blobs: dict[str, tuple[int | None, int | None]] = {}
    found = {}
    for node in nodes:
        above = [blobs[each] for each in node.bottoms] or [(1, 1)]
        strides, fields = zip(*above, strict=True)
        stride = None if None in strides else max(strides)
        field = None if None in fields else max(fields)
        window = node.kind.window(node.layer)
        if stride is None or field is None or window.kernel is None:
            stride = field = None
        else:
            field += (window.kernel - 1) * stride
            stride = max(1, stride * window.stride // window.upscale)
        found[node.name] = stride, field
        blobs.update(dict.fromkeys(node.tops, (stride, field)))
    return found
