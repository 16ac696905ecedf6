"""What a Caffe net would make, before anything of it runs; see `batcountry.backend.limits`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from batcountry.backend.limits import check_numbers, most_numbers
from batcountry.caffe.graph import Node, ShapeError, infer_shapes
from batcountry.caffe.layers.registry import Shape

_SIDE = 224  # pictures that are dreamed on are hardly smaller, whatever size a definition says
_MOST_PADDING = 8
_PLAIN = frozenset(
    (
        *("Input", "Convolution", "InnerProduct", "Pooling", "LRN", "BatchNorm", "Scale", "Bias"),
        *("ReLU", "PReLU", "ELU", "Sigmoid", "TanH", "Power", "Dropout", "Softmax"),
        *("Concat", "Slice", "Eltwise", "Flatten", "Split"),
    )
)
"""Types that make no more places than they read, and channels as their weights have them or as they read them."""


def check_size(nodes: Sequence[Node], source: str, shape: Shape, where: str) -> None:
    """Raise `ModelError` if a net makes more numbers of a picture than one with its weights may.

    Parameters
    ----------
    source
        Name of the blob that takes the picture.
    shape
        Of that, (N, C, H, W), as the definition says it.
    """
    weights = sum({id(each): each.numel() for node in nodes for each in node.params}.values())
    height, width = (max(each, _SIDE) for each in shape[2:])
    channels = _most_channels(nodes, source, shape[1])
    if channels is not None and channels * height * width <= most_numbers(weights):
        return  # without working shapes out, which takes longer than to open a converted net
    count, shapes = 0, dict[str, Shape]()
    for node in nodes:
        try:
            infer_shapes([node], shapes)
        except ShapeError:  # its classes take one size only
            return
        if source in node.tops:
            shapes[source] = (1, shape[1], height, width)
        count += made_by(node, shapes)
        check_numbers(count, weights, where)


def made_by(node: Node, shapes: dict[str, Shape]) -> int:
    """Return how many numbers a layer makes."""
    return sum(prod(shapes[top]) for top in node.tops if top not in node.bottoms)


def _most_channels(nodes: Sequence[Node], source: str, entering: int) -> int | None:
    """Return no less than the channels of all blobs together, as from the layers' types and weights; None if they do not tell."""
    channels, total = {source: entering}, 0
    for node in nodes:
        padding = (*node.layer.convolution_param.pad, node.layer.pooling_param.pad)
        if node.layer.type not in _PLAIN or max(padding) > _MOST_PADDING:
            return None
        read = sum(channels.get(each, 0) for each in node.bottoms)
        made = node.params[0].shape[0] if node.layer.type in ("Convolution", "InnerProduct") else read
        channels.update({top: made for top in node.tops if top != source})
        total += made * len(node.tops)
    return total
