"""Caffe nets as models to dream with."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.caffe.graph import (
    Node,
    ancestors,
    build_nodes,
    check_wiring,
    infer_shapes,
    windows,
)
from batcountry.caffe.layers import check_supported
from batcountry.caffe.layers.registry import Shape
from batcountry.caffe.messages import TEST
from batcountry.caffe.prototxt import read_net
from batcountry.caffe.weights import read_weights
from batcountry.errors import ModelError
from batcountry.files import sha256_of
from batcountry.models.model import Layer, Model

BVLC_MEAN = (104.0, 116.0, 122.0)
"""Mean of blue, green and red that the 2015 programs took for every net of the Model Zoo."""

_PREFERRED = "inception_4c/output"


class CaffeNetwork:
    """A Caffe net run from its input to the layers asked for, and no other.

    Takes RGB; the net's blue-green-red order is folded into the layers that read the input.
    """

    def __init__(self, nodes: list[Node], source: str) -> None:
        self.source = source
        self.nodes = [Node(n.layer, n.kind, [_arranged(each) for each in n.params]) for n in nodes]
        for node in self.nodes:
            if source in node.bottoms and node.layer.type == "Convolution" and node.params[0].shape[1] == 3:
                node.params[0] = _arranged(node.params[0].flip(1))
            elif source in node.bottoms and node.layer.type not in ("Split",):
                raise ModelError(
                    f"layer {node.name!r} reads the input but is no convolution of three channels"
                )

    def run(self, x: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Return the activations of `layers`; see `batcountry.models.model.Network`.

        A layer's activation is what its top holds right after it ran, so a convolution's is
        before the ReLU that works on it in place.
        """
        blobs = {self.source: x.contiguous(memory_format=torch.channels_last)}
        found: dict[str, Tensor] = {}
        for node in ancestors(self.nodes, layers):
            if node.layer.type != "Input":
                tops = self._tops(node, [blobs[each] for each in node.bottoms], found)
                blobs.update(zip(node.tops, tops, strict=True))
            if node.name in layers:
                found[node.name] = blobs[node.tops[0]]
        return found

    def _tops(self, node: Node, bottoms: list[Tensor], kept: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Run a node, writing over its bottom where that is safe.

        A ReLU in place may be so in memory too if a convolution made its bottom, since that needs
        no output of its own for the gradient, unless the bottom was asked for.
        """
        if (
            node.layer.type == "ReLU"
            and node.in_place
            and not node.layer.relu_param.negative_slope
            and "Convolution" in type(bottoms[0].grad_fn).__name__
            and not any(each is bottoms[0] for each in kept.values())
        ):
            return (F.relu_(bottoms[0]),)
        return node.run(*bottoms)

    def to(self, device: torch.device) -> CaffeNetwork:
        """Move the weights to `device`."""
        for node in self.nodes:
            node.params[:] = [each.to(device) for each in node.params]
        return self


def open_caffe(
    source: Path, weights: Path | None = None, mean: tuple[float, float, float] = BVLC_MEAN
) -> Model:
    """Open a Caffe net for dreaming.

    Parameters
    ----------
    source
        A folder with `deploy.prototxt` and one `.caffemodel`, or the prototxt.
    weights
        The `.caffemodel`; may be left out where only one lies beside the prototxt.
    mean
        Of blue, green and red, in grey levels.

    Raises
    ------
    ModelError
        If a file is missing or damaged, or the net does not take three-channel pictures.
    """
    prototxt, weights = find_files(source, weights)
    definition = read_net(prototxt, phase=TEST)
    check_supported(definition.layer, str(prototxt))
    check_wiring(definition.layer, str(prototxt))
    nodes = build_nodes(definition.layer, read_weights(weights), str(weights))
    entry = next((node for node in nodes if node.layer.type == "Input"), None)
    if entry is None:
        raise ModelError(f"{prototxt} has no input; give the deploy.prototxt of the network")
    layers = list(_dreamable(nodes))
    return Model(
        str(source),
        CaffeNetwork(nodes, entry.tops[0]),
        layers=layers,
        mean=(mean[2], mean[1], mean[0]),
        weights_sha256=sha256_of(weights),
        default_layer=_default(layers),
    )


def find_files(source: Path, weights: Path | None = None) -> tuple[Path, Path]:
    """Return the prototxt and the `.caffemodel` that a folder or a file name stands for.

    Raises
    ------
    ModelError
        If one is missing, or there are several `.caffemodel` files to choose from.
    """
    prototxt = source / "deploy.prototxt" if source.is_dir() else source
    if not prototxt.exists():
        raise ModelError(
            f"there is no {prototxt}; a Caffe model is a folder with deploy.prototxt and a .caffemodel"
        )
    if weights is not None:
        return prototxt, weights
    found = sorted(prototxt.parent.glob("*.caffemodel"))
    if len(found) != 1:
        listed = (
            f": {', '.join(each.name for each in found)}; name one of them"
            if found
            else "; put the weights there"
        )
        raise ModelError(f"{prototxt.parent} has {len(found) or 'no'} .caffemodel files{listed}")
    return prototxt, found[0]


def _arranged(weight: Tensor) -> Tensor:
    return weight.contiguous(memory_format=torch.channels_last) if weight.ndim == 4 else weight


def _dreamable(nodes: list[Node]) -> Iterator[Layer]:
    shapes: dict[str, Shape] = {}
    fields = windows(nodes)
    for node in nodes:
        infer_shapes([node], shapes)
        if node.layer.type != "Input" and node.tops:
            shape = shapes[node.tops[0]]
            yield Layer(node.name, shape[1] if len(shape) > 1 else 1, *fields[node.name])


def _default(layers: list[Layer]) -> str:
    names: Any = [each.name for each in layers]
    if _PREFERRED in names:
        return _PREFERRED
    middle = [
        each.name for each in layers if each.stride is not None and each.stride <= 16 and each.channels >= 16
    ]
    return (middle or names)[-1]
