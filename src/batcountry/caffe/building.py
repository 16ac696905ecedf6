"""From a net's layers and a file's weights to its nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batcountry.backend.limits import check_numbers
from batcountry.caffe.fillers import MAX_BLOB, MAX_FILLED, filled, is_zero
from batcountry.caffe.graph import Node, ShapeError, infer_shapes
from batcountry.caffe.layers.registry import LayerType, Param, Shape, layer_type
from batcountry.caffe.proto.caffe_pb2 import ParamSpec
from batcountry.errors import ModelError, listed

_WITHOUT_FILE = 1 << 28  # numbers that a net may make besides for which there is no file of weights
_FILLED_COUNT = 16  # filled weights that count as one of a file

Arrays = Sequence["NDArray[np.float32] | None"]
Blobs = Mapping[str, Arrays]
"""Weights by layer name; None stands for a blob that a file leaves to the layer it is shared with."""


@dataclass(frozen=True)
class Fit:
    """How a file's weights went with a net.

    Attributes
    ----------
    missing
        Layers with weights that the file lacks; they have what their fillers say.
    unused
        Layers of the file that the net lacks, or that have no weights there.
    """

    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def fitting(layer: str, stored: Arrays, shapes: Sequence[Shape]) -> Arrays:
    """Return a file's blobs of a layer, or raise `ModelError` if they are of another number or shape."""
    if len(stored) == len(shapes) and all(
        array is None or _agree(array.shape, tuple(shape))
        for array, shape in zip(stored, shapes, strict=True)
    ):
        return stored
    theirs, ours = [each.shape for each in stored if each is not None], [tuple(each) for each in shapes]
    raise ModelError(f"layer {layer!r} has {theirs} where the net wants {ours}")


@dataclass(frozen=True)
class Built:
    """A net's nodes, how the weights went with them, and the shape of what each gives, by its name."""

    nodes: list[Node]
    fit: Fit
    shapes: Mapping[str, Shape]


def build_nodes(layers: Sequence[Any], blobs: Blobs | None = None, where: str = "the net") -> Built:
    """Return the nodes of a net with their weights; parameters of one name are one tensor.

    Weights are a file's own arrays, found by layer name. Layers that the file lacks have what
    their fillers say, and layers that the net lacks are left out, as in Caffe. Shapes agree if
    they are equal but for leading ones, or rows of one length.

    Raises
    ------
    ModelError
        If a layer cannot be, or with a list of every layer whose blobs are of another number or shape; or if the layers
        make more numbers than a net with so many weights may.
    """
    builder = Builder(blobs)
    return builder.built([builder.node(layer) for layer in layers], where)


class Builder:
    """What is known while nodes are made one after the other, with a file's weights or without."""

    def __init__(self, blobs: Blobs | None) -> None:
        self.has_file = blobs is not None
        self.blobs = blobs or {}
        self.shapes: dict[str, Shape] = {}
        self.layer_shapes: dict[str, Shape] = {}
        self.shared: dict[str, Tensor] = {}
        self.wrong: list[str] = []
        self.filled = 0
        self.stored = 0
        self.made = 0

    @property
    def weights(self) -> int:
        """How many weights there are, of which those count for little that take no room in a file."""
        return self.stored + self.filled // _FILLED_COUNT

    def built(self, nodes: list[Node], where: str) -> Built:
        """Return nodes that this has made, and how the weights went with them; raises `ModelError` if they did not."""
        check_numbers(self.made, self.weights, where, more=0 if self.has_file else _WITHOUT_FILE)
        if self.wrong:
            raise ModelError(f"{where} does not fit the net: {listed(self.wrong, '; ')}")
        with_weights = [node.name for node in nodes if node.params]
        stored = [name for name, arrays in self.blobs.items() if arrays]
        missing = tuple(name for name in with_weights if name not in stored) if self.has_file else ()
        unused = tuple(name for name in stored if name not in with_weights)
        return Built(nodes, Fit(missing, unused), self.layer_shapes)

    def node(self, layer: Any) -> Node:
        """Make the next layer's node; raises `ModelError`, or `ShapeError` if it cannot run on what it reads."""
        kind = layer_type(layer)
        specs = _specs(kind, layer, [self.shapes[each] for each in layer.bottom])
        params = []
        for index, (spec, array) in enumerate(zip(specs, self._stored(layer, specs), strict=True)):
            name = layer.param[index].name if index < len(layer.param) else ""
            tensor = self._owned(layer, index, name, spec.shape) if name in self.shared else None
            if tensor is None:
                tensor = self._made(layer, spec, array)
            if name:
                self.shared.setdefault(name, tensor)
            params.append(tensor)
        kind.give_params(params)
        node = Node(layer, kind, params)
        infer_shapes([node], self.shapes)
        if node.tops:
            self.layer_shapes[node.name] = self.shapes[node.tops[0]]
        tops = [self.shapes[top] for top in node.tops if top not in node.bottoms]
        self.made += sum(prod(shape[1:] if len(shape) > 1 else shape) for shape in tops)  # for one picture
        self.stored += sum(each.numel() for each in params) if self.blobs.get(layer.name) else 0
        return node

    def _made(self, layer: Any, spec: Param, array: NDArray[np.float32] | None) -> Tensor:
        """Return the weights that a file gives, or else a layer's own or a filler's."""
        stored = None if array is None else torch.from_numpy(array).reshape(spec.shape)
        if spec.values is not None:
            return spec.values if stored is None else spec.values.copy_(stored)
        return self._filled(layer, spec) if stored is None else stored

    def _stored(self, layer: Any, specs: Sequence[Param]) -> Arrays:
        """Return the file's blobs of a layer, None for those it has not."""
        stored = self.blobs.get(layer.name)
        if not stored or not specs:
            return [None] * len(specs)
        try:
            return fitting(layer.name, stored, [spec.shape for spec in specs])
        except ModelError as error:
            self.wrong.append(str(error))
            return [None] * len(specs)

    def _owned(self, layer: Any, index: int, name: str, shape: Shape) -> Tensor:
        """Return the weights of a name that an earlier layer has."""
        tensor = self.shared[name]
        if tuple(tensor.shape) == shape:
            return tensor
        if layer.param[index].share_mode == ParamSpec.PERMISSIVE and tensor.numel() == prod(shape):
            return tensor.reshape(shape)
        raise ModelError(
            f"layer {layer.name!r} shares the weights {name!r}, of shape {tuple(tensor.shape)}, and needs {shape}"
        )

    def _filled(self, layer: Any, spec: Param) -> Tensor:
        self.filled += 0 if is_zero(spec.filler) else prod(spec.shape)
        if self.filled > MAX_FILLED:
            raise ModelError(
                f"the fillers up to layer {layer.name!r} make more than {MAX_FILLED:,} weights; "
                "open the net with a file of weights"
            )
        return filled(spec.filler, spec.shape)


def _specs(kind: LayerType, layer: Any, bottoms: Sequence[Shape]) -> list[Param]:
    try:
        specs = kind.params(layer, bottoms)
    except (ArithmeticError, IndexError, ValueError, RuntimeError) as error:
        raise ShapeError(f"layer {layer.name!r} ({layer.type}) cannot run on {bottoms}: {error}") from None
    for spec in specs:
        if prod(spec.shape) > MAX_BLOB:
            raise ModelError(
                f"layer {layer.name!r} wants weights of shape {spec.shape}, more than any real net has"
            )
    return specs


def _agree(stored: Shape, shape: Shape) -> bool:
    """Whether shapes are equal but for leading ones, or both are of one row, which forks lay out as (1, C, 1, 1) too."""
    rows = all(sum(size != 1 for size in each) <= 1 for each in (stored, shape))
    return _squeezed(stored) == _squeezed(shape) or (rows and prod(stored) == prod(shape))


def _squeezed(shape: Shape) -> Shape:
    while shape and shape[0] == 1:
        shape = shape[1:]
    return shape
