"""Opening Caffe's own files for dreaming."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from batcountry.backend.policy import OPEN, Policy
from batcountry.caffe.building import Built
from batcountry.caffe.formats.forks import fit_settings
from batcountry.caffe.formats.prototxt import Definition, read_definition, read_net
from batcountry.caffe.formats.weights import Blobs, read_weights
from batcountry.caffe.graph import Node
from batcountry.caffe.layers import check_supported, lack_of
from batcountry.caffe.layers.registry import Shape
from batcountry.caffe.limits import check_size
from batcountry.caffe.partial import Parting, build_part
from batcountry.caffe.proto.caffe_pb2 import TEST, TRAIN
from batcountry.errors import ModelError, listed
from batcountry.models.classes import IMAGENET, imagenet_classes
from batcountry.models.loaders.caffe_inputs import (
    BVLC_MEAN,
    Mean,
    Preprocessing,
    entry_for,
    names_of_inputs,
    picture_blob,
    reached,
    shape_of,
    with_inputs,
)
from batcountry.models.loaders.caffe_network import (
    class_layer,
    default_layer,
    dreamable_layers,
    network_for,
    picture_units,
    top_names,
)
from batcountry.models.loaders.caffe_sizes import following_sizes
from batcountry.models.loaders.hashes import sha256_of_plain
from batcountry.models.model import Model

__all__ = ["BVLC_MEAN", "KINDS", "check_code", "check_kind", "find_files", "open_caffe"]

KINDS = (
    "a model is a Caffe prototxt or a folder with one, a folder that bat-country convert wrote, ONNX (.onnx), "
    "an exported program (.pt2), TorchScript (.pt), or package.module:function, which returns a PyTorch network"
)
"""What a file or folder may be to be opened as a model, for people."""

_NETS = (".prototxt", ".prototext", ".pbtxt", ".textproto")
_WEIGHTS = (".caffemodel", ".caffemodel.h5", ".safetensors", ".npz", ".h5")

log = logging.getLogger("batcountry")


def open_caffe(
    source: Path,
    weights: Path | None = None,
    mean: Mean = None,
    policy: Policy = OPEN,
    *,
    std: Sequence[float] | None = None,
    input: str | int | None = None,
    expected: str | None = None,
) -> Model:
    """Open a Caffe net for dreaming.

    What is not known in it is skipped, and layers that cannot run are left out with all that read them; a warning
    says what and where.

    Parameters
    ----------
    source
        A folder with `deploy.prototxt` and one file of weights, or the prototxt.
    weights
        The `.caffemodel` or `.caffemodel.h5`; may be left out where only one lies beside the prototxt.
    mean
        Of each channel in the net's order (blue, green and red), in gray levels, or a `.binaryproto` or `.npy` file, of
        which the mean of each channel is taken. By default the one such file beside the prototxt, or else `BVLC_MEAN`,
        and 0 for a net of other than three channels.
    policy
        Which files may be read, and whether Python layers that the program registered may be run.
    std
        What each channel is divided by after that, in the same unit. By default 1, and 255 for other than three channels.
    input
        The input that takes the picture, by the name of its blob, where a net has several; others are zero. Or what it
        takes, where that is not what its channels say: `rgb`, `bgr`, `gray`, `rgba` or their number.
    expected
        The sha256 that the weights are to have; None for any.

    Raises
    ------
    PolicyError
        If that is more than the policy allows.
    OtherWeights
        If they have another hash, before any of them is read.
    ModelError
        If a file is missing or damaged, or no layer of the net runs.
    """
    prototxt, weights = find_files(source, weights)
    policy.check_files([prototxt, weights])
    digest = sha256_of_plain(weights, expected)
    definition = _definition(prototxt)
    stored = read_weights(weights)
    built, parting, stated = _built(definition, stored, weights, policy)
    named = input if isinstance(input, str) and _names_input(definition, input) else None
    blob, shape = _picture_input(definition, parting, built.nodes, named)
    units = picture_units(built.nodes, built.shapes, blob)
    layers = list(dreamable_layers(built.nodes, built.shapes, units))
    names = reached(built.nodes, blob)
    reading_it = [layer for layer in layers if layer.name in names]
    if not reading_it:
        raise _empty(definition, parting, policy, blob)
    kind = input if named is None else None
    entry = entry_for(prototxt, shape[1], kind=kind, mean=mean, std=std, stated=stated, policy=policy)
    last = class_layer(built.nodes, layers)
    _note(definition, parting, built, weights)
    return Model(
        str(source),
        network_for(built.nodes, blob, entry),
        layers=layers,
        mean=entry.picture_mean,
        weights_sha256=digest,
        default_layer=default_layer(built.nodes, reading_it, blob, units),
        classes=imagenet_classes() if last is not None and last.channels == IMAGENET else (),
        class_layer=None if last is None else last.name,
        input_size=(shape[2], shape[3]),
        refused={name: f"it cannot run ({reason})" for name, reason in parting.left_out.items()},
        other_names=top_names(built.nodes),
    )


def _definition(prototxt: Path) -> Definition:
    """Read a definition for testing; one whose data is for training alone, such as train.prototxt, with its layers for that."""
    definition = read_definition(prototxt, phase=TEST)
    if _has_source(definition):
        return definition
    training = read_definition(prototxt, phase=TRAIN)
    for layer in training.net.layer:
        layer.phase = TEST  # so that Dropout drops nothing
    return training if _has_source(training) else definition


def _has_source(definition: Definition) -> bool:
    return any(layer.top and not layer.bottom for layer in definition.net.layer)


def _built(
    definition: Definition, stored: Blobs, weights: Path, policy: Policy
) -> tuple[Built, Parting, Preprocessing | None]:
    def lack(layer: Any) -> str:
        if layer.type == "Python" and not lack_of(layer) and not policy.run_code:
            return "Python code, which is run with leave alone: --run-code"
        return lack_of(layer)

    layers, stated = with_inputs(definition.net.layer, stored)
    layers = following_sizes(layers)
    fit_settings(layers, stored)
    return *build_part(layers, stored, str(weights), lack), stated


def _picture_input(
    definition: Definition, parting: Parting, nodes: Sequence[Node], named: str | None
) -> tuple[str, Shape]:
    """Return the blob that takes the picture, and its shape, (N, C, H, W), on which the net is no more work than any."""
    blob = picture_blob(nodes, named)
    if blob is None:
        raise _inputless(definition, parting)
    shape = shape_of(nodes, blob)
    if len(shape) != 4:
        raise ModelError(
            f"{definition.path}: the input {blob!r} is {shape}, which is no picture of (N, C, H, W)"
        )
    check_size(nodes, blob, shape, str(definition.path))
    return blob, shape


def _names_input(definition: Definition, name: str) -> bool:
    return any(name in layer.top for layer in definition.net.layer if not layer.bottom)


def _inputless(definition: Definition, parting: Parting) -> ModelError:
    check_supported(definition.net.layer, _first_unsupported(definition))
    reason = next(iter(parting.causes.values()), "")
    return ModelError(
        f"{definition.path} has no input{f' ({reason})' if reason else ''}; give the deploy.prototxt of the network"
    )


def _empty(definition: Definition, parting: Parting, policy: Policy, blob: str) -> ModelError:
    """Return what to say of a net without a layer to dream with."""
    layers = definition.net.layer
    if all(not lack_of(layer) for layer in layers):
        check_code(layers, policy)
    check_supported(layers, _first_unsupported(definition))
    if parting.causes:
        name, reason = next(iter(parting.causes.items()))
        return ModelError(f"{definition.place(name)}: no layer runs: {name!r}: {reason}")
    return ModelError(f"{definition.path} has no layers after its input {blob!r}")


def _first_unsupported(definition: Definition) -> str:
    return definition.place(next((layer.name for layer in definition.net.layer if lack_of(layer)), ""))


def _note(definition: Definition, parting: Parting, built: Built, weights: Path) -> None:
    for note in (definition.note(), parting.note(definition)):
        if note:
            log.warning("%s", note)
    if built.fit.missing:
        log.warning(
            "%s has no weights for %s; they are what the fillers say", weights, listed(built.fit.missing)
        )
    if len([top for node in built.nodes if node.layer.type == "Input" for top in node.tops]) > 1:
        log.info(
            "%s has the inputs %s; all but the picture's are 0", definition.path, names_of_inputs(built.nodes)
        )


def check_code(layers: Iterable[Any], policy: Policy) -> None:
    """Raise `PolicyError` if there are Python layers among a net's, and no code may be run."""
    for layer in layers:
        if layer.type == "Python":
            policy.check_code(f"the Python layer {layer.name!r} of {layer.python_param.module!r}")


def definition_in(folder: Path) -> Path:
    """Return the prototxt of a folder: `deploy.prototxt`, or the only one that is for running and not for training."""
    usual = folder / "deploy.prototxt"
    if usual.exists():
        return usual
    others = [each for each in sorted(folder.glob("*.prototxt")) if not _TRAINING.search(each.name.lower())]
    deploys = [each for each in others if "deploy" in each.name.lower()] or others
    if len(deploys) > 1:
        raise ModelError(
            f"{folder} has several nets: {listed([each.name for each in deploys])}; name one of them"
        )
    return deploys[0] if deploys else usual


_TRAINING = re.compile("solver|train")


def find_files(source: Path, weights: Path | None = None) -> tuple[Path, Path]:
    """Return the prototxt and the `.caffemodel` that a folder or a file name stands for.

    Raises
    ------
    ModelError
        If one is missing or no model, or there are several `.caffemodel` files to choose from.
    """
    prototxt = definition_in(source) if source.is_dir() else source
    if not prototxt.exists():
        raise ModelError(
            f"there is no {prototxt}; a Caffe model is a folder with deploy.prototxt and a .caffemodel"
        )
    check_kind(prototxt)
    if weights is not None:
        return prototxt, weights
    beside = sorted(
        file for file in prototxt.parent.iterdir() if file.name.endswith((".caffemodel", ".caffemodel.h5"))
    )
    if len(beside) != 1:
        names = ", ".join(file.name for file in beside)
        advice = f": {names}; give one as its weights" if beside else "; put the weights there, or give them"
        raise ModelError(
            f"{prototxt.parent} has {len(beside) or 'no'} .caffemodel files{advice} (--weights FILE)"
        )
    return prototxt, beside[0]


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
