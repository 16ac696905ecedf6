"""`Net`: a Caffe net that programs run forward and backward, blob by blob."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batcountry.caffe.blob import Blob, parameter_blob
from batcountry.caffe.graph import Node, build_nodes, check_wiring, infer_shapes, with_splits
from batcountry.caffe.layers import check_supported
from batcountry.caffe.messages import TEST
from batcountry.caffe.prototxt import read_net
from batcountry.caffe.weights import read_weights, write_weights
from batcountry.errors import suggestion

Arrays = dict[str, NDArray[np.float32]]


class Blobs(OrderedDict[str, Blob]):
    """Blobs by name, in the order they are made."""

    def __missing__(self, name: str) -> Blob:
        raise KeyError(f"no blob {name!r}{suggestion(name, self)}")


@dataclass(frozen=True)
class Run:
    """What a layer did in the last forward pass: PyTorch's graph from these inputs to these outputs."""

    inputs: list[Tensor]
    outputs: tuple[Tensor, ...]


class Net:
    """A net read from a prototxt, with weights from a `.caffemodel`.

    It stops at layers, works in place and splits blobs as Caffe 1.0 does. It differs where
    Caffe's gradient is not the derivative: in-place layers give the derivative, and what an
    earlier backward pass left in a blob that this one does not reach counts as zero.

    Parameters
    ----------
    prototxt
        Path of the definition.
    weights
        Path of the `.caffemodel`; without it the weights are what the fillers say. The phase may
        stand here instead, as in `Net(prototxt, TEST)`.
    phase
        `TEST` or `TRAIN`; decides which layers there are.

    Attributes
    ----------
    blobs
        `Blob`s by name, the automatic splits' included.
    params
        Lists of weight blobs by layer name; writing into them is seen by the next pass.
    transformer
        Whatever the program puts there; the 2015 programs keep a `caffe.io.Transformer`.

    Raises
    ------
    ModelError
        If a file cannot be read, or the net cannot be.
    """

    def __init__(
        self, prototxt: str | Path, weights: str | Path | int | None = None, phase: int = TEST
    ) -> None:
        if isinstance(weights, int):
            phase, weights = weights, None
        layers = read_net(Path(prototxt), phase=phase).layer
        check_supported(layers, str(prototxt))
        check_wiring(layers, str(prototxt))
        stored = None if weights is None else read_weights(Path(weights))
        self._nodes: list[Node] = build_nodes(with_splits(layers), stored, str(weights))
        self._index = {node.name: i for i, node in enumerate(self._nodes)}
        self._runs: dict[int, Run] = {}
        self._pass = 0
        self.blobs = Blobs()
        self.params = OrderedDict(
            (n.name, [parameter_blob(p) for p in n.params]) for n in self._nodes if n.params
        )
        self.transformer: Any = None
        self.reshape()

    @property
    def _layer_names(self) -> list[str]:
        return [node.name for node in self._nodes]

    @property
    def _blob_names(self) -> list[str]:
        return list(self.blobs)

    @property
    def bottom_names(self) -> OrderedDict[str, list[str]]:
        """Names of the blobs that each layer reads, by the layer's name."""
        return OrderedDict((node.name, list(node.bottoms)) for node in self._nodes)

    @property
    def top_names(self) -> OrderedDict[str, list[str]]:
        """Names of the blobs that each layer makes, by the layer's name."""
        return OrderedDict((node.name, list(node.tops)) for node in self._nodes)

    def copy_from(self, weights: str | Path) -> None:
        """Write the weights of another `.caffemodel` over this net's, by layer name, shapes being equal."""
        stored = read_weights(Path(weights))
        fresh = build_nodes([node.layer for node in self._nodes], stored, str(weights))
        for own, other in zip(self._nodes, fresh, strict=True):
            if stored.get(own.name):
                for mine, theirs in zip(own.params, other.params, strict=True):
                    mine.copy_(theirs)

    def save(self, path: str | Path) -> None:
        """Write the weights to a `.caffemodel` that Caffe reads."""
        nodes = ((n.name, n.layer.type, [each.numpy() for each in n.params]) for n in self._nodes)
        write_weights(Path(path), nodes)

    @property
    def inputs(self) -> list[str]:
        """Names of the blobs that Input layers make."""
        return [top for node in self._nodes if node.layer.type == "Input" for top in node.tops]

    @property
    def outputs(self) -> list[str]:
        """Names of the blobs that no layer reads."""
        read = {bottom for node in self._nodes for bottom in node.bottoms}
        return [name for name in self.blobs if name not in read]

    def reshape(self) -> None:
        """Give every blob the shape that follows from the inputs' shapes."""
        shapes = {name: self.blobs[name].shape for name in self.inputs if name in self.blobs}
        infer_shapes(self._nodes, shapes)
        for node in self._nodes:
            for top in node.tops:
                if top not in self.blobs:
                    self.blobs[top] = Blob(shapes[top])
                self.blobs[top].reshape(*shapes[top])

    def forward(
        self,
        blobs: Sequence[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **data: Any,
    ) -> Arrays:
        """Run from the layer `start` up to and including the layer `end`, in file order.

        Parameters
        ----------
        blobs
            Names of blobs to return besides those of `end` (or the net's outputs).
        data
            Arrays for input blobs, by name.

        Returns
        -------
        dict
            Blob name to live view.

        Raises
        ------
        ValueError
            If `start` or `end` is no layer.
        """
        first, last = self._at(start, 0), self._at(end, len(self._nodes) - 1)
        for name, array in data.items():
            self.blobs[name].data[...] = array
        for index in range(first, last + 1):
            self._run(index)
        names = self._nodes[last].tops if end is not None else self.outputs
        return {name: self.blobs[name].data for name in (*names, *(blobs or ()))}

    def backward(
        self,
        diffs: Sequence[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **seeds: Any,
    ) -> Arrays:
        """Carry the diffs of the layer `start`'s tops down to the inputs, or to the layer `end`.

        Parameters
        ----------
        diffs
            Names of blobs whose diffs to return besides those of the inputs (or of `end`'s bottoms).
        seeds
            Arrays for the diffs of blobs, by name.
        """
        first, last = self._at(start, len(self._nodes) - 1), self._at(end, 0)
        for name, array in seeds.items():
            self.blobs[name].diff[...] = array
        self._pass += 1
        for top in self._nodes[first].tops:
            self.blobs[top].written_in = self._pass
        for index in range(first, last - 1, -1):
            self._run_back(index)
        names = self._nodes[last].bottoms if end is not None else tuple(self.inputs)
        return {name: self.blobs[name].diff for name in (*names, *(diffs or ()))}

    def _at(self, name: str | None, default: int) -> int:
        if name is None:
            return default
        try:
            return self._index[name]
        except KeyError:
            raise ValueError(f"{name!r} is not in list{suggestion(name, self._index)}") from None

    def _run(self, index: int) -> None:
        node = self._nodes[index]
        if node.layer.type == "Input":
            return
        self._runs.pop(index, None)
        run = self._runs[index] = self._trace(node)
        for top, value in zip(node.tops, run.outputs, strict=True):
            blob = self.blobs[top]
            value = value.detach()
            if tuple(value.shape) != blob.shape:
                blob.reshape(*value.shape)
            blob.stores[0].write(value)

    def _trace(self, node: Node) -> Run:
        with torch.inference_mode(False), torch.enable_grad():
            inputs = [self.blobs[each].stores[0].read().detach().requires_grad_() for each in node.bottoms]
            arranged = [_channels_last(each) for each in inputs]
            return Run(inputs, node.run(*arranged))

    def _run_back(self, index: int) -> None:
        node = self._nodes[index]
        live = [self._counts(self.blobs[top]) for top in node.tops]
        if not node.bottoms or not any(live):
            return
        run = self._runs.get(index)
        if run is None or any(self.blobs[each].stores[0].touched for each in node.bottoms):
            # A program has written to what this layer reads since it ran: the blob as it is now counts.
            run = self._trace(node)
        pairs = [
            (output, self.blobs[top].stores[1].read())
            for output, top, alive in zip(run.outputs, node.tops, live, strict=True)
            if alive and output.requires_grad
        ]
        if not pairs:
            return
        outputs, seeds = zip(*pairs, strict=True)
        found = torch.autograd.grad(outputs, run.inputs, seeds, retain_graph=True, allow_unused=True)
        for bottom, leaf, grad in zip(node.bottoms, run.inputs, found, strict=True):
            blob = self.blobs[bottom]
            blob.stores[1].write(torch.zeros_like(leaf) if grad is None else grad)
            blob.written_in = self._pass

    def _counts(self, blob: Blob) -> bool:
        """Whether a blob's diff is of this backward pass, or a program's own seed."""
        if blob.written_in == self._pass:
            return True
        seeded = blob.stores[1].viewed and (blob.written_in < 0 or blob.stores[1].touched)
        return seeded and blob.stores[1].tensor is not None


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 and x.shape[1] > 1 else x
