"""`Net`: a Caffe net that programs run forward and backward, blob by blob."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, from_numpy

from batcountry.caffe import batches
from batcountry.caffe.arguments import wanted_net
from batcountry.caffe.blob import Blob, ParameterBlob
from batcountry.caffe.building import build_nodes, fitting
from batcountry.caffe.formats.forks import fit_settings
from batcountry.caffe.formats.hdf5 import write_hdf5
from batcountry.caffe.formats.prototxt import read_definition
from batcountry.caffe.formats.weights import read_weights, write_weights
from batcountry.caffe.graph import Node, infer_shapes
from batcountry.caffe.layers.inputs import keeps_values
from batcountry.caffe.partial import part_for_programs
from batcountry.caffe.passes import Passes
from batcountry.errors import ModelError, suggestion

Arrays = dict[str, NDArray[np.float32]]


class Blobs(OrderedDict[str, Blob]):
    """Blobs by name, in the order they are made."""

    def __missing__(self, name: str) -> Blob:
        raise KeyError(f"no blob {name!r}{suggestion(name, self)}")


class LayerView:
    """A layer of a net as programs see it: its `type`, and its weights in `blobs`."""

    def __init__(self, kind: str, blobs: list[ParameterBlob]) -> None:
        self.type = kind
        self.blobs = blobs

    def __repr__(self) -> str:
        return f"{self.type}({', '.join(str(each.shape) for each in self.blobs)})"


class Net:
    """A net read from a prototxt, with weights from a `.caffemodel`.

    It stops at layers, works in place and splits blobs as Caffe 1.0 does; see `Passes` for where
    it differs. Called as `Net(network_file, weights, phase)`, or as
    `Net(network_file, phase, level, stages, weights)` with each of those by name too.

    Parameters
    ----------
    network_file
        Path of the definition, text or binary.
    *arguments, **named
        As in Caffe, by place or by name. `weights` is the path of the weights, `.caffemodel` or
        `.caffemodel.h5`; without it they are what the fillers say. `phase`, `level` and `stages` (`TEST` or
        `TRAIN`, a number and names) say which layers there are, by their `include` and `exclude` rules.

    Attributes
    ----------
    blobs
        `Blob`s by name, the automatic splits' included.
    params
        Lists of weight blobs by layer name; writing into them is seen by the next pass.
    fit
        How the weights went with the net: which layers the file lacks, and which it has too many.
    left_out
        Why layers cannot run, by name: those of unknown types and all that read them. A pass that would reach
        one raises `UnsupportedLayer`; `forward(end=…)` and `backward(start=…)` at layers before them run.
    transformer
        Whatever the program puts there; the 2015 programs keep a `caffe.io.Transformer`.

    Raises
    ------
    ModelError
        If a file cannot be read, or the net cannot be; `UnsupportedLayer` if none of its layers runs.
    """

    def __init__(self, network_file: str | PathLike[str], *arguments: Any, **named: Any) -> None:
        wanted = wanted_net(*arguments, **named)
        path = Path(network_file)
        definition = read_definition(path, phase=wanted.phase, level=wanted.level, stages=wanted.stages or ())
        layers, self._parting = part_for_programs(definition)
        stored = None if wanted.weights is None else read_weights(Path(wanted.weights))
        fit_settings(layers, stored or {})
        built = build_nodes(layers, stored, str(wanted.weights or path))
        self.fit, self.left_out = built.fit, self._parting.left_out
        self._nodes: list[Node] = built.nodes
        self._index = {node.name: i for i, node in enumerate(self._nodes)}
        self.blobs = Blobs()
        self._passes = Passes(self._nodes, self.blobs)
        self._own_params()
        self.transformer: Any = None
        self.reshape()
        for index, node in enumerate(self._nodes):
            if keeps_values(node.layer) and node.layer.type != "Input":
                self._passes.write(index, node.run())

    def _own_params(self) -> None:
        shared: dict[int, ParameterBlob] = {}

        def blob_of(tensor: Tensor) -> ParameterBlob:
            if id(tensor) not in shared:
                blob: ParameterBlob = ParameterBlob(tensor, lambda: self._passes.gradient(blob))
                shared[id(tensor)] = blob
            return shared[id(tensor)]

        def blobs_of(node: Node) -> list[ParameterBlob]:
            if node.kind.instance is None:
                return [blob_of(each) for each in node.params]
            return list(node.kind.instance.blobs)

        self.params = OrderedDict((node.name, blobs_of(node)) for node in self._nodes if node.params)
        self._passes.params = self.params

    @property
    def layers(self) -> list[LayerView]:
        """The layers in running order; a Python layer is the program's own object."""
        return list(self.layer_dict.values())

    @property
    def layer_dict(self) -> OrderedDict[str, Any]:
        """The layers by name."""
        return OrderedDict(
            (n.name, n.kind.instance or LayerView(n.layer.type, self.params.get(n.name, [])))
            for n in self._nodes
        )

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

    def copy_from(self, weights: str | PathLike[str]) -> None:
        """Write the weights of another file over this net's, by layer name, shapes being equal."""
        stored = read_weights(Path(weights))
        for node in self._nodes:
            arrays = stored.get(node.name)
            if arrays and node.params:
                arrays = fitting(node.name, arrays, [tuple(each.shape) for each in node.params])
                for own, array in zip(node.params, arrays, strict=True):
                    if array is not None:
                        own.copy_(from_numpy(array).reshape(own.shape))

    def share_with(self, other: Net) -> None:
        """Use another net's weights in place of this one's, by layer name: a change in one is seen in both."""
        theirs = {node.name: node.params for node in other._nodes}
        for node in self._nodes:
            found = theirs.get(node.name, [])
            if node.params and found:
                shapes = [each.shape for each in node.params], [each.shape for each in found]
                if shapes[0] != shapes[1]:
                    raise ModelError(
                        f"layer {node.name!r} has weights of shapes {shapes[0]}, the other net's {shapes[1]}"
                    )
                node.params[:] = found
                node.kind.give_params(found)
        self._own_params()

    def clear_param_diffs(self) -> None:
        """Set the gradients of all weights to zero."""
        for blobs in self.params.values():
            for blob in blobs:
                blob.diff[...] = 0

    def save(self, path: str | PathLike[str]) -> None:
        """Write the weights to a `.caffemodel` that Caffe reads."""
        nodes = ((n.name, n.layer.type, [each.numpy() for each in n.params]) for n in self._nodes)
        write_weights(Path(path), nodes)

    def save_hdf5(self, path: str | PathLike[str]) -> None:
        """Write the weights to a `.caffemodel.h5`; needs the extra `hdf5`."""
        stored = ((n.name, [each.numpy() for each in n.params]) for n in self._nodes if n.params)
        write_hdf5(Path(path), stored)

    load_hdf5 = copy_from

    @property
    def inputs(self) -> list[str]:
        """Names of the blobs that Input layers make."""
        return [top for node in self._nodes if node.layer.type == "Input" for top in node.tops]

    @property
    def outputs(self) -> list[str]:
        """Names of the blobs that no layer reads after they were last written, sorted as in Caffe."""
        unread = set[str]()
        for node in self._nodes:
            unread = unread.difference(node.bottoms).union(node.tops)
        return sorted(unread)

    def reshape(self) -> None:
        """Give every blob the shape that follows from the inputs' shapes."""
        kept = [top for node in self._nodes if keeps_values(node.layer) for top in node.tops]
        shapes = {name: self.blobs[name].shape for name in kept if name in self.blobs}
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
            Arrays for input blobs, by name, of the blob's shape.

        Returns
        -------
        dict
            Blob name to live view.

        Raises
        ------
        ValueError
            If `start` or `end` is no layer, or an array has another number of items than its blob.
        """
        self._parting.check_reach(end)
        first, last = self._at(start, 0), self._at(end, len(self._nodes) - 1)
        for name, array in data.items():
            blob = self.blobs[name]
            if np.ndim(array) and len(array) != blob.shape[0]:
                raise ValueError(
                    f"{name!r} is given {len(array)} items and the net's batch is of {blob.shape[0]}"
                )
            blob.data[...] = array
        self._passes.forward(first, last)
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
        self._parting.check_reach(start)
        first, last = self._at(start, len(self._nodes) - 1), self._at(end, 0)
        for name, array in seeds.items():
            self.blobs[name].diff[...] = array
        self._passes.backward(first, last)
        names = self._nodes[last].bottoms if end is not None else tuple(self.inputs)
        return {name: self.blobs[name].diff for name in (*names, *(diffs or ()))}

    def forward_all(self, blobs: Sequence[str] | None = None, **data: Any) -> Arrays:
        """Run over any number of items, in batches of the net's own size; see `batches.forward_all`."""
        return batches.forward_all(self, blobs, **data)

    def forward_backward_all(
        self, blobs: Sequence[str] | None = None, diffs: Sequence[str] | None = None, **arrays: Any
    ) -> tuple[Arrays, Arrays]:
        """Run forward and back over any number of items; see `batches.forward_backward_all`."""
        return batches.forward_backward_all(self, blobs, diffs, **arrays)

    def _at(self, name: str | None, default: int) -> int:
        if name is not None and name not in self._index:
            raise ValueError(f"{name!r} is not in list{suggestion(name, self._index)}")
        return default if name is None else self._index[name]
