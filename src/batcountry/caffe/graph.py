"""A net's layers as a graph: who makes which blob, who reads it, and of what shape it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from batcountry.caffe.layers.inputs import keeps_values
from batcountry.caffe.layers.registry import LayerType, Shape
from batcountry.errors import ModelError, first_line, raised_in, suggestion


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

    @cached_property
    def on_shapes(self) -> Node:
        """The same with weights that have shapes and no numbers; it runs on blobs such as those."""
        return Node(self.layer, self.kind, [each.to("meta") for each in self.params])

    def run(self, *bottoms: Tensor) -> tuple[Tensor, ...]:
        """Run the layer; raises `ModelError`, naming it, on shapes that cannot be."""
        with said_of(self.layer, bottoms):
            tops = self.kind.run(self.layer, self.params, *bottoms)
        found = tops if isinstance(tops, tuple) else (tops,)
        if len(found) != len(self.tops):
            raise ShapeError(
                f"layer {self.name!r} ({self.layer.type}) makes {len(found)} blobs, not {len(self.tops)}"
            )
        return found


@contextmanager
def said_of(layer: Any, bottoms: Sequence[Tensor]) -> Iterator[None]:
    """Raise what goes wrong within as `ModelError` that names a layer and its bottoms' shapes."""
    try:
        yield
    except ShapeError:
        raise  # said already, by the layer's run for its place in a net
    except TypeError as error:
        if not raised_in(error, __name__):
            raise  # a bug in the layer's code; raised at the call it is the number of bottoms
        raise ShapeError(
            f"layer {layer.name!r} ({layer.type}) does not run on {len(bottoms)} bottoms"
        ) from error
    except (RuntimeError, ValueError, IndexError, ArithmeticError, MemoryError) as error:
        on = f" on {', '.join(str(tuple(each.shape)) for each in bottoms)}" if bottoms else ""
        said = f"layer {layer.name!r} ({layer.type}) cannot run{on}: {first_line(error)}"
        raise ShapeError(said) from error


class ShapeError(ModelError, RuntimeError):
    """A layer cannot run on blobs of these shapes."""


def check_wiring(layers: Sequence[Any], where: str, given: Sequence[str] = ()) -> None:
    """Raise `ModelError` if a layer reads a blob that no layer before it makes, and that is not `given`."""
    made: dict[str, None] = dict.fromkeys(given)
    for layer in layers:
        for bottom in layer.bottom:
            if bottom not in made:
                raise ModelError(
                    f"{where}: layer {layer.name!r} reads the blob {bottom!r}, which no layer before it makes"
                    f"{suggestion(bottom, made)}"
                )
        made.update(dict.fromkeys(layer.top))


def infer_shapes(nodes: Sequence[Node], shapes: dict[str, Shape]) -> None:
    """Add the shapes of the nodes' tops to `shapes`, which holds those of the inputs."""
    for node in nodes:
        if keeps_values(node.layer):
            for top, tensor in zip(node.tops, node.run(), strict=True):
                shapes.setdefault(top, tuple(tensor.shape))
            continue
        bottoms = [torch.empty(shapes[each], device="meta") for each in node.bottoms]
        for top, tensor in zip(node.tops, node.on_shapes.run(*bottoms), strict=True):
            if 0 in tensor.shape:
                raise ShapeError(
                    f"layer {node.name!r} makes the empty shape {tuple(tensor.shape)}; its input is too small"
                )
            shapes[top] = tuple(tensor.shape)


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
