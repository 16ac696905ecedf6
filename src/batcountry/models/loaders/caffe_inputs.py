"""Where pictures enter a Caffe net, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from batcountry.backend.policy import OPEN, Policy
from batcountry.caffe.formats.means import find_mean, read_mean
from batcountry.caffe.graph import Node, infer_shapes
from batcountry.caffe.layers.registry import LAYER_TYPES, Shape
from batcountry.caffe.proto.caffe_pb2 import LayerParameter
from batcountry.errors import ModelError, listed
from batcountry.models.preprocess import Entry

BVLC_MEAN = (104.0, 116.0, 122.0)
"""Mean of blue, green and red that the 2015 programs took for every net of the Model Zoo."""

USUAL_SIDE = 224
"""Pixels along a side of a picture where a net does not say."""

_MOST_SIDE = 4096

Mean = Sequence[float] | str | Path | None
Stored = Mapping[str, Sequence["NDArray[Any] | None"]]


@dataclass(frozen=True)
class Preprocessing:
    """What a data layer does to pictures: takes off a mean of each channel, in gray levels, and multiplies by a scale."""

    mean: tuple[float, ...] = ()
    scale: float = 1.0

    def mean_for(self, channels: int) -> tuple[float, ...]:
        """Return the mean of so many channels; 0 if it is of another number."""
        if len(self.mean) == channels:
            return self.mean
        return (self.mean * channels) if len(self.mean) == 1 else (0.0,) * channels


def with_inputs(layers: Sequence[Any], stored: Stored) -> tuple[list[Any], Preprocessing | None]:
    """Return a net's layers with inputs where it would read files, and with sizes where it leaves them open.

    A data layer (Data, ImageData, HDF5Data, MemoryData, a fork's own) of a net without an input makes its pictures'
    blob alone, so that labels, and what reads them, are left out. It says how large pictures are, or they are of
    `USUAL_SIDE`; the weights of the first convolution say how many channels they have. An input of 1×1, or of
    -1, is of that size too, and one of no pictures is of one: programs that set it as they run leave it so.
    """
    has_input = any(layer.type in ("Input", "DummyData") for layer in layers)
    changed, preprocessing = [], None
    for layer in layers:
        if layer.type == "Input":
            layer = _sized(layer)
        elif not has_input and not layer.bottom and layer.top and not _makes_blobs(layer):
            preprocessing = _preprocessing(layer)
            layer, has_input = _input_for(layer, _channels(layers, layer.top[0], stored)), True
        changed.append(layer)
    return changed, preprocessing


def _makes_blobs(layer: Any) -> bool:
    """Whether a layer without bottoms is one that runs, such as Parameter; a program's Python layer may be, too."""
    return layer.type in LAYER_TYPES and not LAYER_TYPES[layer.type].lack(layer)


def _sized(layer: Any) -> Any:
    result = LayerParameter()
    result.CopyFrom(layer)
    for shape in result.input_param.shape:
        if len(shape.dim) == 4 and max(shape.dim[2:]) <= 1 and shape.dim[1] in (1, 3, 4):
            shape.dim[2:] = [USUAL_SIDE, USUAL_SIDE]
        if shape.dim and shape.dim[0] <= 0:
            shape.dim[0] = 1
    return result


def _input_for(layer: Any, channels: int | None) -> Any:
    """Return an Input layer for the pictures of a data layer."""
    crop = layer.transform_param.crop_size or layer.data_param.crop_size or layer.image_data_param.crop_size
    crop = crop or layer.window_data_param.crop_size
    image, memory = layer.image_data_param, layer.memory_data_param
    height = crop or image.new_height or memory.height or USUAL_SIDE
    width = crop or image.new_width or memory.width or USUAL_SIDE
    gray = layer.transform_param.force_gray or not image.is_color
    result = LayerParameter(name=layer.name, type="Input", top=[layer.top[0]], phase=layer.phase)
    size = (min(height, _MOST_SIDE), min(width, _MOST_SIDE))
    result.input_param.shape.add(dim=[1, channels or memory.channels or (1 if gray else 3), *size])
    return result


def _channels(layers: Sequence[Any], data: str, stored: Stored) -> int | None:
    """Return how many channels the pictures of the blob `data` have.

    Those that the first convolution takes, as its weights say; where pictures are cut into parts of some channels each
    (pairs, in siamese nets), those of all parts.
    """
    cut = next((layer for layer in layers if layer.type == "Slice" and list(layer.bottom) == [data]), None)
    if cut is None or 1 not in (cut.slice_param.axis, cut.slice_param.slice_dim):
        return _taken(layers, stored)
    points = [0, *cut.slice_param.slice_point]
    if len(points) == len(cut.top):
        last = cut.top[-1]
        part = _taken([layer for layer in layers if last in layer.bottom], stored)
        return int(points[-1] + (part or points[-1] - points[-2])) or None
    part = _taken(layers, stored)
    return part and part * len(cut.top)


def _taken(layers: Sequence[Any], stored: Stored) -> int | None:
    """Return how many channels the first convolution takes, as its weights say."""
    first = next((layer for layer in layers if layer.type == "Convolution"), None)
    blobs = stored.get(first.name) if first is not None else None
    if first is None or not blobs or blobs[0] is None or blobs[0].ndim != 4:
        return None
    return int(blobs[0].shape[1] * first.convolution_param.group) or None


def _preprocessing(layer: Any) -> Preprocessing | None:
    """Return what a data layer says of pictures, None if that is nothing, or not all, as the mean is in a file elsewhere."""
    p = layer.transform_param
    mean = tuple(float(each) for each in p.mean_value)
    if p.mean_file or not (mean or p.HasField("scale")):
        return None
    scale = p.scale if isfinite(p.scale) and p.scale > 0 else 1.0
    return Preprocessing(mean if all(map(isfinite, mean)) else (), float(scale))


def picture_blob(nodes: Sequence[Node], named: str | None = None) -> str | None:
    """Return the name of the blob that takes the picture; None if the net has no input.

    The one that is named, or else the first input that has places, or the first input, or that of dummy data.
    """
    inputs = [top for node in nodes if node.layer.type == "Input" for top in node.tops]
    inputs += [top for node in nodes if node.layer.type == "DummyData" for top in node.tops]
    if named is not None:
        return named if named in inputs else None
    placed = [blob for blob in inputs if _has_places(shape_of(nodes, blob))]
    return next(iter([*placed, *inputs]), None)


def _has_places(shape: Shape) -> bool:
    return len(shape) == 4 and min(shape[2:]) > 1


def shape_of(nodes: Sequence[Node], blob: str) -> Shape:
    """Return the shape of a blob that a layer without bottoms makes."""
    shapes: dict[str, Shape] = {}
    infer_shapes([node for node in nodes if not node.bottoms], shapes)
    return shapes[blob]


def reached(nodes: Sequence[Node], source: str) -> set[str]:
    """Return the names of the layers that depend on a blob."""
    blobs, names = {source}, set()
    for node in nodes:
        if blobs.intersection(node.bottoms):
            names.add(node.name)
            blobs.update(node.tops)
        elif node.bottoms:
            blobs.difference_update(node.tops)
    return names


def mean_of(prototxt: Path, channels: int, mean: Mean = None, policy: Policy = OPEN) -> tuple[float, ...]:
    """Return a net's mean of each channel, in the net's order and gray levels.

    As it is given, or that of the one mean file beside the prototxt, or else `BVLC_MEAN` for three channels and 0.

    Raises
    ------
    ModelError
        If the mean is of another number of channels.
    """
    if mean is None:
        mean = find_mean(prototxt.parent)
    if mean is None:
        return BVLC_MEAN if channels == 3 else (0.0,) * channels
    if isinstance(mean, (str, Path)):
        picture = read_mean(policy.check_file(mean))
        mean = [float(each) for each in picture.reshape(picture.shape[0], -1).mean(1)]
    if len(mean) not in (1, channels):
        raise ModelError(f"the mean has {len(mean)} channels; pictures have {channels}")
    return tuple(float(each) for each in mean) * (channels if len(mean) == 1 else 1)


_KINDS = {1: "gray", 3: "bgr", 4: "rgba"}


def entry_for(
    prototxt: Path,
    channels: int,
    *,
    kind: str | int | None = None,
    mean: Mean = None,
    std: Sequence[float] | None = None,
    stated: Preprocessing | None = None,
    policy: Policy = OPEN,
) -> Entry:
    """Return how a picture enters an input of so many channels.

    Parameters
    ----------
    kind
        What it takes; by default blue, green and red, or gray, or red, green, blue and an opaque alpha, or other channels.
    mean, std
        Of each channel in the net's order; see `mean_of`. A mean alone is in gray levels; without either, channels other
        than three colors are taken from 0 to 1, as networks of PyTorch's take them.
    stated
        What the net itself says of its pictures, if it does.

    Raises
    ------
    ModelError
        If what is given does not fit the net.
    """
    if kind is None or str(kind).isdigit():
        kind = _KINDS.get(channels, channels) if str(kind) in ("None", str(channels)) else int(str(kind))
    usual = Entry.of(kind)
    if usual.channels != channels:
        raise ModelError(f"the net takes {channels} channels, not the {usual.channels} of {kind!r}")
    if mean is None and std is None and stated is not None:
        return Entry(usual.kind, stated.mean_for(channels), (1 / stated.scale,) * channels)
    if mean is None and channels != 3 and find_mean(prototxt.parent) is None:
        return Entry.of(kind, None, std)
    means = mean_of(prototxt, channels, mean, policy)
    return Entry(usual.kind, means, (1.0,) * channels) if std is None else Entry.of(kind, means, std)


def names_of_inputs(nodes: Sequence[Node]) -> str:
    """Return the names of a net's inputs, for a sentence."""
    return listed(
        [repr(top) for node in nodes if node.layer.type in ("Input", "DummyData") for top in node.tops]
    )
