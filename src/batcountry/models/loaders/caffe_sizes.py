"""Sizes that a Caffe net states for pictures of one size, made to follow the picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from batcountry.caffe.layers.registry import Shape
from batcountry.caffe.layers.resampling import has_fixed_size
from batcountry.caffe.proto.caffe_pb2 import LayerParameter


def following_sizes(layers: Sequence[Any]) -> list[Any]:
    """Return a net's layers with those that make feature maps of a fixed size reading one of the right size besides.

    Upsample (SegNet) makes maps as large as those that its mask was pooled from, and Interp (PSPNet) as large as those
    that its own are joined with.
    """
    return [_following(layers, index) for index in range(len(layers))]


def size_beside(shape: Shape, stated: Shape, size: Shape) -> Shape:
    """Return the shape of an input beside a picture of `size`: its own, or the picture's if the net states the same for both."""
    return (*shape[:2], *size) if len(shape) == 4 and shape[2:] == tuple(stated) else shape


def _following(layers: Sequence[Any], index: int) -> Any:
    layer = layers[index]
    like = None
    if layer.type == "Upsample" and len(layer.bottom) == 2:
        like = _pooled_from(layers[:index], layer.bottom[1])
    elif has_fixed_size(layer) and len(layer.bottom) == 1 and len(layer.top) == 1:
        made = _made_before(layers[:index])
        like = next((blob for blob in _joined_with(layers[index + 1 :], layer.top[0]) if blob in made), None)
    if like is None:
        return layer
    result = LayerParameter()
    result.CopyFrom(layer)
    result.bottom.append(like)
    return result


def _pooled_from(before: Sequence[Any], mask: str) -> str | None:
    """Return the blob that was pooled where a mask was made, if it still has that size."""
    for index in reversed(range(len(before))):
        layer = before[index]
        if layer.type == "Pooling" and list(layer.top[1:]) == [mask]:
            source = layer.bottom[0]
            later = (each for each in before[index:] if source in each.top)
            return str(source) if all(source in each.bottom for each in later) else None
        if mask in layer.top:
            return None
    return None


def _joined_with(after: Sequence[Any], blob: str) -> Iterator[str]:
    """Yield the blobs that one is joined with by the first layer that reads it."""
    reader = next((layer for layer in after if blob in layer.bottom), None)
    if reader is not None and reader.type in ("Concat", "Eltwise"):
        yield from (each for each in reader.bottom if each != blob)


def _made_before(before: Sequence[Any]) -> set[str]:
    """Return the blobs that there are, less those of a fixed size."""
    made: set[str] = set()
    for layer in before:
        made.update(layer.top) if not has_fixed_size(layer) else made.difference_update(layer.top)
    return made
