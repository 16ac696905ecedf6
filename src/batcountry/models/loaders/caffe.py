"""Opening Caffe's own files for dreaming."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from batcountry.backend.files import sha256_of
from batcountry.backend.policy import OPEN, Policy
from batcountry.caffe.formats.means import find_mean, read_mean
from batcountry.caffe.formats.prototxt import read_net
from batcountry.caffe.formats.weights import read_weights
from batcountry.caffe.graph import Node, build_nodes, check_wiring, infer_shapes
from batcountry.caffe.layers import check_supported
from batcountry.caffe.layers.registry import Shape
from batcountry.caffe.proto.caffe_pb2 import TEST
from batcountry.errors import ModelError
from batcountry.models.classes import IMAGENET, imagenet_classes
from batcountry.models.loaders.caffe_network import (
    class_layer,
    default_layer,
    dreamable_layers,
    network_for_rgb,
    top_names,
)
from batcountry.models.model import Model

BVLC_MEAN = (104.0, 116.0, 122.0)
"""Mean of blue, green and red that the 2015 programs took for every net of the Model Zoo."""

KINDS = (
    "a model is a Caffe prototxt or a folder with one, a folder that bat-country convert wrote, ONNX (.onnx), "
    "an exported program (.pt2), or TorchScript (.pt)"
)
"""What a file or folder may be to be opened as a model, for people."""

_NETS = (".prototxt", ".prototext", ".pbtxt", ".textproto", ".caffemodel")
_WEIGHTS = (".caffemodel.h5", ".safetensors", ".npz", ".h5")

Mean = tuple[float, float, float]

log = logging.getLogger("batcountry")


def open_caffe(
    source: Path,
    weights: Path | None = None,
    mean: Sequence[float] | str | Path | None = None,
    policy: Policy = OPEN,
) -> Model:
    """Open a Caffe net for dreaming.

    Parameters
    ----------
    source
        A folder with `deploy.prototxt` and one file of weights, or the prototxt.
    weights
        The `.caffemodel` or `.caffemodel.h5`; may be left out where only one lies beside the prototxt.
    mean
        Of blue, green and red, in gray levels, or a `.binaryproto` or `.npy` file, of which the mean of
        each channel is taken. By default the one such file beside the prototxt, or else `BVLC_MEAN`.
    policy
        Which files may be read, and whether Python layers that the program registered may be run.

    Raises
    ------
    PolicyError
        If that is more than the policy allows.
    ModelError
        If a file is missing or damaged, or the net does not take three-channel pictures.
    """
    prototxt, weights = find_files(source, weights)
    policy.check_files([prototxt, weights])
    definition = read_net(prototxt, phase=TEST)
    check_code(definition.layer, policy)
    check_supported(definition.layer, str(prototxt))
    check_wiring(definition.layer, str(prototxt))
    built = build_nodes(definition.layer, read_weights(weights), str(weights))
    if built.fit.missing:
        log.warning(
            "%s has no weights for %s; they are what the fillers say", weights, ", ".join(built.fit.missing)
        )
    entry = entry_of(built.nodes)
    if entry is None:
        raise ModelError(f"{prototxt} has no input; give the deploy.prototxt of the network")
    shape = shape_of(built.nodes, entry)
    if len(shape) != 4 or shape[1] != 3:
        raise ModelError(f"{prototxt}: the input {entry!r} is {shape}, not pictures of three channels")
    layers = list(dreamable_layers(built.nodes))
    if not layers:
        raise ModelError(f"{prototxt} has no layers after its input")
    blue, green, red = mean_for(prototxt, mean, policy)
    last = class_layer(built.nodes, layers)
    return Model(
        str(source),
        network_for_rgb(built.nodes, entry),
        layers=layers,
        mean=(red, green, blue),
        weights_sha256=sha256_of(weights),
        default_layer=default_layer(built.nodes, layers),
        classes=imagenet_classes() if last is not None and last.channels == IMAGENET else (),
        class_layer=None if last is None else last.name,
        input_size=(shape[2], shape[3]),
        other_names=top_names(built.nodes),
    )


def check_code(layers: Iterable[Any], policy: Policy) -> None:
    """Raise `PolicyError` if there are Python layers among a net's, and no code may be run."""
    for layer in layers:
        if layer.type == "Python":
            policy.check_code(f"the Python layer {layer.name!r} of {layer.python_param.module!r}")


def entry_of(nodes: Sequence[Node]) -> str | None:
    """Return the blob that takes the picture: the first input, or else the first of dummy data; None if there is neither."""
    for kind in ("Input", "DummyData"):
        found = next((node.tops[0] for node in nodes if node.layer.type == kind and node.tops), None)
        if found is not None:
            return found
    return None


def shape_of(nodes: Sequence[Node], blob: str) -> Shape:
    """Return the shape of a blob that a layer without bottoms makes."""
    shapes: dict[str, Shape] = {}
    infer_shapes([node for node in nodes if not node.bottoms], shapes)
    return shapes[blob]


def mean_for(prototxt: Path, mean: Sequence[float] | str | Path | None = None, policy: Policy = OPEN) -> Mean:
    """Return a net's mean of blue, green and red, as `open_caffe` is given it; raises `ModelError` if it is of other channels."""
    if mean is None:
        mean = find_mean(prototxt.parent) or BVLC_MEAN
    if isinstance(mean, (str, Path)):
        picture = read_mean(policy.check_file(mean))
        mean = [float(each) for each in picture.reshape(picture.shape[0], -1).mean(1)]
    if len(mean) != 3:
        raise ModelError(f"the mean has {len(mean)} channels; pictures have 3")
    return float(mean[0]), float(mean[1]), float(mean[2])


def find_files(source: Path, weights: Path | None = None) -> tuple[Path, Path]:
    """Return the prototxt and the `.caffemodel` that a folder or a file name stands for.

    Raises
    ------
    ModelError
        If one is missing or no model, or there are several `.caffemodel` files to choose from.
    """
    prototxt = source / "deploy.prototxt" if source.is_dir() else source
    if not prototxt.exists():
        raise ModelError(
            f"there is no {prototxt}; a Caffe model is a folder with deploy.prototxt and a .caffemodel"
        )
    check_kind(prototxt)
    if weights is not None:
        return prototxt, weights
    found = sorted(
        each for each in prototxt.parent.iterdir() if each.name.endswith((".caffemodel", ".caffemodel.h5"))
    )
    if len(found) != 1:
        listed = (
            f": {', '.join(each.name for each in found)}; name one of them"
            if found
            else "; put the weights there"
        )
        raise ModelError(f"{prototxt.parent} has {len(found) or 'no'} .caffemodel files{listed}")
    return prototxt, found[0]


def check_kind(file: Path) -> None:
    """Raise `ModelError` for a file that is no model of any kind, as its name and content have it.

    What is named as Caffe's nets are is left to their reader, which says where in it something is wrong.
    """
    if file.name.lower().endswith(_WEIGHTS):
        raise ModelError(
            f"{file} has weights alone; name the network, and give this file as its weights (--weights {file})"
        )
    if file.suffix.lower() in _NETS:
        return
    try:
        read_net(file, phase=TEST)
    except ModelError:
        raise ModelError(f"{file} is no model; {KINDS}") from None
