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
from typing import Annotated, Any, Literal

from google.protobuf import json_format
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from batcountry.backend.files import apply_umask, beside
from batcountry.backend.limits import MOST_LAYERS
from batcountry.backend.policy import OPEN, Policy
from batcountry.backend.reading import read_plain
from batcountry.backend.tensor_files import read_tensors
from batcountry.caffe.graph import Node, check_wiring
from batcountry.caffe.layers import check_supported, layer_type
from batcountry.caffe.limits import check_size
from batcountry.caffe.proto.caffe_pb2 import LayerParameter
from batcountry.errors import ModelError, OtherWeights, first_line
from batcountry.models.classes import IMAGENET, imagenet_classes
from batcountry.models.loaders.caffe import check_code
from batcountry.models.loaders.caffe_inputs import shape_of
from batcountry.models.loaders.caffe_network import CaffeNetwork, class_layer, top_names
from batcountry.models.model import Layer, Model
from batcountry.models.preprocess import Entry

_MANIFEST, _WEIGHTS = "model.json", "weights.safetensors"
_MOST_MANIFEST = 32 << 20

NAMES = re.compile(r"model\.json|\.?weights\.safetensors(\.partial)?")
"""Names in the folder of a converted net."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_Name = Annotated[str, Field(max_length=1000)]
_Positive = Annotated[int, Field(ge=1, le=1 << 30)]
_Number = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class _LayerFacts(_Strict):
    name: _Name
    channels: _Positive
    stride: _Positive | None
    receptive_field: _Positive | None
    before: Annotated[int, Field(ge=-(1 << 30), le=1 << 30)] = 0
    grid: _Positive | None = None
    recommended: bool = False


class _NodeFacts(_Strict):
    settings: dict[str, Any]
    """The layer's `LayerParameter`, as protobuf has it in JSON."""
    weights: Annotated[list[_Name], Field(max_length=100)]
    """Names in the safetensors file, in order."""


class _EntryFacts(_Strict):
    kind: Literal["gray", "rgb", "bgr", "rgba", "channels"]
    mean: Annotated[tuple[_Number, ...], Field(max_length=10_000)]
    std: Annotated[tuple[Annotated[_Number, Field(gt=0)], ...], Field(max_length=10_000)]


class _Manifest(_Strict):
    format: Literal["bat-country caffe net"]
    version: Literal[1]
    source: _Name
    turned: bool
    weights_sha256: Annotated[str, Field(max_length=64)]
    mean: Annotated[tuple[_Number, ...], Field(max_length=10_000)]
    entry: _EntryFacts | None = None
    """How pictures enter, where that is more than their order."""
    default_layer: _Name
    input_size: tuple[_Positive, _Positive] | None = None
    layers: Annotated[list[_LayerFacts], Field(max_length=MOST_LAYERS)]
    nodes: Annotated[list[_NodeFacts], Field(max_length=MOST_LAYERS)]


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
    _write(folder, stored, json.dumps(manifest.model_dump(), indent=1).encode())


def _write(folder: Path, stored: dict[str, Tensor], manifest: bytes) -> None:
    """Write both files, and give them their names when both are whole; nothing is left if that fails."""
    partial, made = folder / f".{_WEIGHTS}.partial", not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(stored, partial)
        apply_umask(partial)
        with beside(folder / _MANIFEST, manifest) as described:
            partial.replace(folder / _WEIGHTS)
            # The last, so that a folder with a manifest is whole.
            described.replace(folder / _MANIFEST)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
            if made:
                folder.rmdir()
        if isinstance(error, (OSError, SafetensorError)):
            reason = getattr(error, "strerror", None) or first_line(error)
            raise ModelError(f"cannot write {folder}: {reason}") from None
        raise


def open_converted(folder: Path, policy: Policy = OPEN, expected: str | None = None) -> Model:
    """Open a folder that `save_converted` wrote.

    Parameters
    ----------
    expected
        The sha256 of the file that its weights came from; None for any.

    Raises
    ------
    PolicyError
        If its files may not be read, or it has Python layers and no code may be run.
    OtherWeights
        If it says that they came from another file.
    ModelError
        If a file is missing or damaged, or asks for more work than any net takes.
    """
    path = folder / _WEIGHTS
    policy.check_files([folder / _MANIFEST, path])
    manifest = _read_manifest(folder / _MANIFEST)
    if expected is not None and manifest.weights_sha256 != expected:
        raise OtherWeights(folder, manifest.weights_sha256, expected)
    if not path.exists():
        raise ModelError(f"there is no file {path}; convert the model again")
    try:
        stored = read_tensors(path, error=ModelError)
    except (SafetensorError, OSError, ValueError, MemoryError) as error:
        raise ModelError(f"{path} is damaged ({error}); convert the model again") from None
    layers = [Layer(**each.model_dump()) for each in manifest.layers]
    if manifest.default_layer not in {each.name for each in layers}:
        raise ModelError(
            f"{folder / _MANIFEST} has no layer {manifest.default_layer!r}; convert the model again"
        )
    nodes = _nodes(manifest.nodes, stored, folder, policy)
    _check_nodes(nodes, manifest, folder / _MANIFEST)
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
    data = read_plain(path, most=_MOST_MANIFEST, error=ModelError)
    try:
        return _Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(each) for each in first["loc"][:4])
        raise ModelError(
            f"{path} is not a converted model: {where[:200] or 'it'}: {first['msg'][:200]}; convert the model again"
        ) from None


def _check_nodes(nodes: list[Node], manifest: _Manifest, path: Path) -> None:
    """Raise `ModelError` if the layers cannot be wired, or are not those that the manifest says, or are too much work."""
    if not any(manifest.source in node.tops and not node.bottoms for node in nodes):
        raise ModelError(f"{path} is damaged: there is no input {manifest.source!r}; convert the model again")
    shape = shape_of(nodes, manifest.source)
    if len(shape) != 4:
        raise ModelError(
            f"{path}: the input {manifest.source!r} is {shape}, not pictures; convert the model again"
        )
    check_wiring(
        [node.layer for node in nodes if manifest.source not in node.tops], str(path), (manifest.source,)
    )
    named = {node.name for node in nodes if node.tops}
    unknown = next((each.name for each in manifest.layers if each.name not in named), None)
    if unknown is not None:
        raise ModelError(f"{path} is damaged: there is no layer {unknown!r}; convert the model again")
    _check_channels(manifest, shape[1], path)
    height, width = manifest.input_size or (1, 1)
    check_size(nodes, manifest.source, (1, shape[1], height, width), str(path))


def _check_channels(manifest: _Manifest, channels: int, path: Path) -> None:
    """Raise `ModelError` if what enters does not have as many channels as the net's input."""
    entry = _entry(manifest.entry)
    counts = (3, 3, 3) if entry is None else (entry.channels, len(entry.std), len(entry.picture_mean))
    if counts[:2] != (channels, channels) or len(manifest.mean) != counts[2]:
        raise ModelError(
            f"{path} is damaged: its mean does not go with its {channels} channels; convert the model again"
        )


def _nodes(
    facts: Sequence[_NodeFacts], stored: dict[str, Tensor], folder: Path, policy: Policy
) -> list[Node]:
    columns = {name: _channels_last(tensor) for name, tensor in stored.items()}
    try:
        layers = [json_format.ParseDict(each.settings, LayerParameter()) for each in facts]
    except (json_format.ParseError, RecursionError, ValueError, TypeError, AttributeError) as error:
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
