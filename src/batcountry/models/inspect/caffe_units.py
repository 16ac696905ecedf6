"""The parts of a Caffe net through which all of the picture goes on its way up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batcountry.caffe.graph import Node
from batcountry.caffe.layers.registry import Shape
from batcountry.models.inspect.good_layers import Unit

_WEIGHTED = ("Convolution", "Deconvolution", "InnerProduct")

_FOLLOWING = (
    *("BatchNorm", "BN", "Scale", "Bias", "Power"),
    *("ReLU", "PReLU", "ReLU6", "ELU", "TanH", "BNLL", "AbsVal", "Clip"),
)
"""Types that end a part: what they alone read is not its output yet."""

_NO_OUTPUT = (
    *(
        "Pooling",
        "LRN",
        "MVN",
        "Dropout",
        "Split",
        "Slice",
        "Flatten",
        "Reshape",
        "Permute",
        "Normalize",
        "L2Norm",
    ),
    *("Softmax", "Sigmoid", "ArgMax", "Silence", "PriorBox", "DetectionOutput", "Accuracy", "InnerProduct"),
    *("ROIPooling", "Interp", "Upsample"),
)
"""Types whose output says no more than their input, or an answer."""


@dataclass(frozen=True)
class _Graph:
    """Which nodes read which, by index, in running order."""

    nodes: Sequence[Node]
    makers: list[list[int]]
    readers: list[list[int]]

    @classmethod
    def of(cls, nodes: Sequence[Node]) -> _Graph:
        """Follow blobs from node to node; one that is written over is another from then on."""
        last: dict[str, int] = {}
        makers: list[list[int]] = []
        readers: list[list[int]] = [[] for _ in nodes]
        for index, node in enumerate(nodes):
            makers.append([last[name] for name in node.bottoms if name in last])
            for maker in makers[-1]:
                readers[maker].append(index)
            last.update(dict.fromkeys(node.tops, index))
        return cls(nodes, makers, readers)

    def depths(self) -> list[int]:
        """Return how many layers with weights are on the longest way to each node."""
        depths: list[int] = []
        for node, makers in zip(self.nodes, self.makers, strict=True):
            before = max((depths[maker] for maker in makers), default=0)
            depths.append(before + (node.layer.type in _WEIGHTED))
        return depths

    def heads(self) -> set[int]:
        """Return the nodes after which no weights come any more: they give the network's answers."""
        heads: set[int] = set()
        for index in range(len(self.nodes) - 1, -1, -1):
            if all(reader in heads and not self._weighted(reader) for reader in self.readers[index]):
                heads.add(index)
        return heads

    def refined(self) -> set[int]:
        """Return the nodes that read an answer which is put beside its features again, as OpenPose's stages do.

        An answer is a convolution without any nonlinearity; its output is concatenated with what it was made of, and a
        convolution reads that.
        """
        refined: set[int] = set()
        before = self._before()
        for index, node in enumerate(self.nodes):
            answers = [
                maker
                for maker in self.makers[index]
                if self.nodes[maker].layer.type == "Convolution" and before[maker] & set(self.makers[index])
            ]
            read_at_once = any(self._weighted(reader) for reader in self.readers[index])
            if node.layer.type == "Concat" and answers and read_at_once:
                refined.update([index, *answers])
            elif refined.intersection(self.makers[index]):
                refined.add(index)
        return refined

    def _before(self) -> list[set[int]]:
        """Return, of each node, all that it was made of."""
        before: list[set[int]] = []
        for makers in self.makers:
            before.append(set(makers).union(*(before[maker] for maker in makers)))
        return before

    def _weighted(self, index: int) -> bool:
        return self.nodes[index].layer.type in _WEIGHTED

    def passed(self, end: int) -> set[int]:
        """Return the nodes that every way from the picture to `end` goes through: its dominators."""
        through: list[set[int]] = []
        for index in range(end + 1):
            ways = [through[maker] for maker in self.makers[index]]
            through.append({index}.union(set.intersection(*ways) if ways else ()))
        return through[end]

    def ends_part(self, index: int) -> bool:
        """Whether a node's output is that of a part, and no norm or ReLU of the part follows."""
        readers = self.readers[index]
        followed = len(readers) == 1 and self.nodes[readers[0]].layer.type in _FOLLOWING
        return not followed and self.nodes[index].layer.type not in _NO_OUTPUT


def last_feature(nodes: Sequence[Node]) -> str | None:
    """Return the last layer of a net that is none of its answers, for nets without parts that have places; None if all are."""
    graph = _Graph.of(nodes)
    heads = graph.heads()
    features = [index for index, depth in enumerate(graph.depths()) if depth and index not in heads]
    return nodes[features[-1]].name if features else None


def caffe_units(nodes: Sequence[Node], shapes: Mapping[str, Shape], picture: tuple[int, int]) -> list[Unit]:
    """Return the outputs of a net's parts, in running order; of a U-Net, whose ways part at once, also those within.

    Parameters
    ----------
    shapes
        Layer name to the shape of what it gives.
    picture
        (height, width) of the net's input.
    """
    graph = _Graph.of(nodes)
    depths, no_features = graph.depths(), graph.heads() | graph.refined()
    features = [index for index, depth in enumerate(depths) if depth and index not in no_features]
    if not features:
        return []
    total = max(depths[index] for index in features)
    end = max(index for index in features if depths[index] == total)
    parts = {
        index: Unit(nodes[index].name, shape[1], picture, (shape[2], shape[3]), depths[index] / total)
        for index in features
        if graph.ends_part(index) and len(shape := shapes[nodes[index].name]) == 4
    }
    passed = graph.passed(end)
    trunk = [part for index, part in parts.items() if index in passed]
    return trunk if any(part.stage > 2 for part in trunk if part.has_places) else list(parts.values())
