"""Running a net's nodes forward and backward, one by one, as Caffe does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from batcountry.caffe.blob import Blob, ParameterBlob
from batcountry.caffe.graph import Node
from batcountry.caffe.layers.inputs import keeps_values


@dataclass
class Run:
    """What a layer did in the last forward pass: PyTorch's graph from these inputs to these outputs.

    `seeds` are its outputs' diffs in the last backward pass, by the output's index.
    """

    inputs: list[Tensor]
    outputs: tuple[Tensor, ...]
    seeds: dict[int, Tensor] = field(default_factory=dict)


class Passes:
    """Nodes and their blobs, run forward and backward over ranges of layers.

    Differs from Caffe where Caffe's gradient is not the derivative: in-place layers give the
    derivative, and what an earlier backward pass left in a blob that this one does not reach
    counts as zero.
    """

    def __init__(self, nodes: Sequence[Node], blobs: Mapping[str, Blob]) -> None:
        self.nodes = nodes
        self.blobs = blobs
        self.params: Mapping[str, list[ParameterBlob]] = {}
        self._runs: dict[int, Run] = {}
        self._pass = 0

    def forward(self, first: int, last: int) -> None:
        """Run from the node `first` up to and including `last`."""
        for index in range(first, last + 1):
            if not keeps_values(self.nodes[index].layer):
                self._run(index)

    def backward(self, first: int, last: int) -> None:
        """Carry the diffs of the tops of `first` down to the bottoms of `last`, which is not above it."""
        self._pass += 1
        for top in self.nodes[first].tops:
            self.blobs[top].written_in = self._pass
        for index in range(first, last - 1, -1):
            self._run_back(index)

    def write(self, index: int, values: Sequence[Tensor]) -> None:
        """Write a node's tops."""
        for top, value in zip(self.nodes[index].tops, values, strict=True):
            blob = self.blobs[top]
            if tuple(value.shape) != blob.shape:
                blob.reshape(*value.shape)
            blob.stores[0].write(value.detach())

    def gradient(self, blob: ParameterBlob) -> Tensor | None:
        """Return the last backward pass's gradient of some weights, None if there was none."""
        found = [
            self._weight_gradients(index)[position]
            for index, node in enumerate(self.nodes)
            for position, own in enumerate(self.params.get(node.name, ()))
            if own is blob and index in self._runs and self._runs[index].seeds
        ]
        return torch.stack(found).sum(0) if found else None

    def _run(self, index: int) -> None:
        self._runs.pop(index, None)
        run = self._runs[index] = self._trace(self.nodes[index])
        self.write(index, run.outputs)

    def _trace(self, node: Node) -> Run:
        with torch.inference_mode(False), torch.enable_grad():
            inputs = [self.blobs[each].stores[0].read().detach().requires_grad_() for each in node.bottoms]
            return Run(inputs, node.run(*map(_channels_last, inputs)))

    def _run_back(self, index: int) -> None:
        node = self.nodes[index]
        live = [position for position, top in enumerate(node.tops) if self._counts(self.blobs[top])]
        if not live:
            return
        run = self._runs.get(index)
        if run is None or any(self.blobs[each].stores[0].touched for each in node.bottoms):
            # A program has written to what this layer reads since it ran: the blob as it is now counts.
            run = self._runs[index] = self._trace(node)
        run.seeds = (
            {each: self.blobs[node.tops[each]].stores[1].read() for each in live} if node.params else {}
        )
        self._to_bottoms(node, run, live)
        self._to_weights(index)

    def _to_bottoms(self, node: Node, run: Run, live: Sequence[int]) -> None:
        pairs = [
            (run.outputs[each], self.blobs[node.tops[each]].stores[1].read())
            for each in live
            if run.outputs[each].requires_grad
        ]
        if not pairs or not node.bottoms:
            return
        outputs, seeds = zip(*pairs, strict=True)
        found = torch.autograd.grad(outputs, run.inputs, seeds, retain_graph=True, allow_unused=True)
        for bottom, leaf, grad in zip(node.bottoms, run.inputs, found, strict=True):
            blob = self.blobs[bottom]
            blob.stores[1].write(torch.zeros_like(leaf) if grad is None else grad)
            blob.written_in = self._pass

    def _to_weights(self, index: int) -> None:
        own = self.params.get(self.nodes[index].name, ())
        if any(each.has_diff for each in own):
            for blob, gradient in zip(own, self._weight_gradients(index), strict=True):
                if blob.has_diff:
                    blob.add_to_diff(gradient)

    def _weight_gradients(self, index: int) -> list[Tensor]:
        """Return the gradients of a node's weights in the last backward pass, by running it once more."""
        node, run = self.nodes[index], self._runs[index]
        with torch.inference_mode(False), torch.enable_grad():
            weights = [each.detach().requires_grad_() for each in node.params]
            outputs = Node(node.layer, node.kind, weights).run(*(each.detach() for each in run.inputs))
        pairs = [(outputs[each], seed) for each, seed in run.seeds.items() if outputs[each].requires_grad]
        if not pairs:
            return [torch.zeros_like(each) for each in weights]
        tops, seeds = zip(*pairs, strict=True)
        found = torch.autograd.grad(tops, weights, seeds, allow_unused=True)
        return [torch.zeros_like(w) if g is None else g for w, g in zip(weights, found, strict=True)]

    def _counts(self, blob: Blob) -> bool:
        """Whether a blob's diff is of this backward pass, or a program's own seed."""
        if blob.written_in == self._pass:
            return True
        seeded = blob.stores[1].viewed and (blob.written_in < 0 or blob.stores[1].touched)
        return seeded and blob.stores[1].tensor is not None


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 and x.shape[1] > 1 else x
