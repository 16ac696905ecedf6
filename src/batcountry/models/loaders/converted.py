"""Caffe nets converted to safetensors and JSON, which open at once.

The folder has `weights.safetensors`, the weights as the network runs them, and `model.json`:
the layers' settings, what else `Model` has to know, and the hash of the file they came from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from google.protobuf import json_format
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from batcountry.backend.files import replace_file
from batcountry.backend.outputs import sweep_left_behind
from batcountry.backend.policy import OPEN, Policy
from batcountry.backend.tensor_files import write_tensors
from batcountry.caffe.graph import Node
from batcountry.caffe.layers import check_supported, layer_type
from batcountry.caffe.proto.caffe_pb2 import LayerParameter
from batcountry.errors import ModelError, first_line
from batcountry.models.classes import IMAGENET, imagenet_classes
from batcountry.models.loaders.caffe import check_code
from batcountry.models.loaders.caffe_network import CaffeNetwork, class_layer, top_names
from batcountry.models.model import Layer, Model
from batcountry.models.preprocess import Entry

_MANIFEST, _WEIGHTS = "model.json", "weights.safetensors"

NAMES = re.compile(r"model\.json|\.?weights\.safetensors(\.partial)?")
"""Names in the folder of a converted net."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _LayerFacts(_Strict):
    name: str
    channels: int
    stride: int | None
    receptive_field: int | None
    before: int = 0
    grid: int | None = None
    recommended: bool = False


class _NodeFacts(_Strict):
    settings: dict[str, Any]
    """The layer's `LayerParameter`, as protobuf has it in JSON."""
    weights: list[str]
    """Names in the safetensors file, in order."""


class _EntryFacts(_Strict):
    kind: str
    mean: tuple[float, ...]
    std: tuple[float, ...]


class _Manifest(_Strict):
    format: Literal["bat-country caffe net"]
    version: Literal[1]
    source: str
    turned: bool
    weights_sha256: str
    mean: tuple[float, ...]
    entry: _EntryFacts | None = None
    """How pictures enter, where that is more than their order."""
    default_layer: str
    input_size: tuple[int, int] | None = None
    layers: list[_LayerFacts]
    nodes: list[_NodeFacts]


def is_converted(folder: Path) -> bool:
    """Whether a folder is one that `save_converted` wrote."""
    return (folder / _MANIFEST).is_file()


def save_converted(model: Model, folder: Path) -> None:
    """Write a Caffe net as a folder of safetensors and JSON.

    Raises
    ------
    ModelError
        If the model is no Caffe net, or the folder cannot be written.
    """
    network = model.network
    if not isinstance(network, CaffeNetwork):
        raise ModelError(f"{model.name} is not one of Caffe's nets; only those can be converted")
    stored: dict[str, Tensor] = {}
    names: dict[int, str] = {}
    nodes = []
    for node in network.nodes:
        for index, tensor in enumerate(node.params):
            # Weights that layers share are stored once.
            name = names.setdefault(id(tensor), f"{node.name}.{index}")
            stored[name] = _rows(tensor)
        weights = [names[id(tensor)] for tensor in node.params]
        settings = json_format.MessageToDict(node.layer, preserving_proto_field_name=True)
        nodes.append(_NodeFacts(settings=settings, weights=weights))
    manifest = _Manifest(
        format="bat-country caffe net",
        version=1,
        source=network.source,
        turned=network.turned,
        weights_sha256=model.weights_sha256,
        mean=model.mean,
        entry=None if network.entry is None else _EntryFacts(**vars(network.entry)),
        default_layer=model.default_layer,
        input_size=model.input_size,
        layers=[_LayerFacts(**vars(each)) for each in model.layers],
        nodes=nodes,
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep_left_behind(folder)
        write_tensors(stored, folder / _WEIGHTS)
        # Written last, so that a folder with a manifest is whole.
        replace_file(folder / _MANIFEST, json.dumps(manifest.model_dump(), indent=1).encode())
    except OSError as error:
        with suppress(OSError):  # unless there is something in it
            folder.rmdir()
        raise ModelError(f"cannot write {folder}: {error.strerror}") from None


def open_converted(folder: Path, policy: Policy = OPEN) -> Model:
    """Open a folder that `save_converted` wrote.

    Raises
    ------
    PolicyError
        If its files may not be read, or it has Python layers and no code may be run.
    ModelError
        If a file is missing or damaged.
    """
    path = folder / _WEIGHTS
    policy.check_files([folder / _MANIFEST, path])
    manifest = _read_manifest(folder / _MANIFEST)
    try:
        stored = load_file(path)
    except FileNotFoundError:
        raise ModelError(f"there is no file {path}; convert the model again") from None
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is damaged ({error}); convert the model again") from None
    layers = [Layer(**each.model_dump()) for each in manifest.layers]
    if manifest.default_layer not in {each.name for each in layers}:
        raise ModelError(
            f"{folder / _MANIFEST} has no layer {manifest.default_layer!r}; convert the model again"
        )
    nodes = _nodes(manifest.nodes, stored, folder, policy)
    last = class_layer(nodes, layers)
    return Model(
        str(folder),
        CaffeNetwork(nodes, manifest.source, turned=manifest.turned, entry=_entry(manifest.entry)),
        layers=layers,
        mean=manifest.mean,
        weights_sha256=manifest.weights_sha256,
        default_layer=manifest.default_layer,
        classes=imagenet_classes() if last is not None and last.channels == IMAGENET else (),
        class_layer=None if last is None else last.name,
        input_size=manifest.input_size,
        other_names=top_names(nodes),
    )


def _entry(facts: _EntryFacts | None) -> Entry | None:
    return None if facts is None else Entry(facts.kind, facts.mean, facts.std)


def _read_manifest(path: Path) -> _Manifest:
    try:
        return _Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(each) for each in first["loc"])
        raise ModelError(f"{path} is not a converted model: {where or 'it'}: {first['msg']}") from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from None


def _nodes(
    facts: Sequence[_NodeFacts], stored: dict[str, Tensor], folder: Path, policy: Policy
) -> list[Node]:
    columns = {name: _channels_last(tensor) for name, tensor in stored.items()}
    try:
        layers = [json_format.ParseDict(each.settings, LayerParameter()) for each in facts]
    except json_format.ParseError as error:
        raise ModelError(
            f"{folder / _MANIFEST} is damaged ({first_line(error)}); convert the model again"
        ) from None
    check_code(layers, policy)
    check_supported(layers, str(folder / _MANIFEST))
    missing = sorted({name for each in facts for name in each.weights} - columns.keys())
    if missing:
        raise ModelError(f"{folder} is damaged: there are no weights {missing[0]!r}; convert the model again")
    return [
        Node(layer, layer_type(layer), [columns[name] for name in each.weights])
        for layer, each in zip(layers, facts, strict=True)
    ]


def _rows(tensor: Tensor) -> Tensor:
    """Return weights in the order that they are run in, as plain rows."""
    return (tensor.permute(0, 2, 3, 1) if tensor.ndim == 4 else tensor).contiguous()


def _channels_last(tensor: Tensor) -> Tensor:
    return tensor.permute(0, 3, 1, 2) if tensor.ndim == 4 else tensor
