"""Reading a network's definition from a prototxt."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from batcountry.backend.limits import check_layers
from batcountry.backend.reading import MAX_TEXT, read_plain
from batcountry.caffe.formats import forks, text
from batcountry.caffe.formats.lookalikes import check_content
from batcountry.caffe.formats.v0 import from_v0, innermost, without_padding_layers
from batcountry.caffe.formats.weights import without_blobs
from batcountry.caffe.proto.caffe_pb2 import NetParameter, SolverParameter, V1LayerParameter
from batcountry.errors import ModelError, listed

MAX_BYTES = MAX_TEXT
"""Longest prototxt that is read."""

_LAYER = re.compile(rb"\blayers?\s*:?\s*[{<]")

# Types whose V1 name is not the new name in capitals with underscores taken out.
_NEW_NAMES = {
    "ABSVAL": "AbsVal", "ARGMAX": "ArgMax", "RELU": "ReLU", "TANH": "TanH",
    "BNLL": "BNLL", "LRN": "LRN", "MVN": "MVN", "IM2COL": "Im2col", "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "HDF5_DATA": "HDF5Data", "HDF5_OUTPUT": "HDF5Output",
}  # fmt: skip

log = logging.getLogger("batcountry")


@dataclass(frozen=True)
class Definition:
    """A prototxt as it was read.

    Attributes
    ----------
    path
        Its file.
    net
        Today's `NetParameter`, with the layers of one phase, less losses and accuracies.
    skipped
        What in it is not known.
    text
        The text, empty if the file is binary.
    """

    path: Path
    net: Any
    skipped: tuple[text.Skipped, ...]
    text: str

    @cached_property
    def _lines(self) -> dict[str, int]:
        """The line in which each layer begins, by its name."""
        lines = [line for name, line in text.blocks(self.text, NetParameter.DESCRIPTOR) if name in _LAYERS]
        message = NetParameter()
        text.parse(self.text, message)
        layers = [*message.layers, *message.layer]
        return {innermost(layer).name: line for layer, line in zip(layers, lines, strict=False)}

    def line(self, layer: str) -> int | None:
        """Return the line in which a layer begins, if that can be told."""
        return self._lines.get(layer) if self.text else None

    def place(self, layer: str) -> str:
        """Return the file, and the line of a layer in it if that can be told, for a sentence."""
        line = self.line(layer)
        return str(self.path) if line is None else f"{self.path}, line {line}"

    def note(self) -> str:
        """Return a sentence about what is not known; empty if there is nothing."""
        things = listed(forks.described(self.skipped), "; ")
        return f"{self.path}: skipped what is not known: {things}" if things else ""


_LAYERS = ("layer", "layers")


def read_net(path: Path, *, phase: int, level: int = 0, stages: Sequence[str] = ()) -> Any:
    """Read a prototxt as today's `NetParameter`; see `read_definition`, whose note is logged as a warning."""
    definition = read_definition(path, phase=phase, level=level, stages=stages)
    if note := definition.note():
        log.warning("%s", note)
    return definition.net


def read_definition(path: Path, *, phase: int, level: int = 0, stages: Sequence[str] = ()) -> Definition:
    """Read a prototxt, with the layers of one phase, less losses and accuracies.

    Text or binary. V0 and V1 layers (`layers { layer { type: "conv" } }`, `layers { type: CONVOLUTION }`)
    become new ones, and `input:` fields an Input layer in front. Fields that are not known are skipped, and
    those of forks that say what Caffe 1.0 says otherwise are said in its terms.

    Raises
    ------
    ModelError
        If the file is missing, not a prototxt, has a mistake, or has no layers or more than any net has.
    """
    message, skipped, source = _parsed(path)
    net = upgraded(message)
    check_layers(len(net.layer), str(path))
    _keep_layers(net, phase, level, {*stages, *net.state.stage})
    if not net.layer:
        raise ModelError(f"{path} has no layers{_instead(source)}; give the deploy.prototxt of a network")
    return Definition(path, net, skipped, source)


def _instead(source: str) -> str:
    """Return what a text without layers has in their place."""
    solver = SolverParameter()
    try:
        text.parse(source, solver)
    except (text_format.ParseError, ValueError):
        return ""
    if not solver.HasField("base_lr") and not solver.HasField("net"):
        return ""
    net = solver.net or solver.train_net
    return f", as it has a solver's settings{f' (its net is {net!r})' if net else ''}"


def _has_broken_text(message: Any) -> bool:
    """Whether a string in a binary message is not UTF-8; protobuf then gives bytes, or fails when asked."""
    try:
        # Lists can be added to.
        fields = [
            value if hasattr(value, "append") or hasattr(value, "add") else [value]
            for _, value in message.ListFields()
        ]
        return any(
            isinstance(each, bytes) or (hasattr(each, "ListFields") and _has_broken_text(each))
            for values in fields
            for each in values
        )
    except UnicodeDecodeError:
        return True


def _keep_layers(net: Any, phase: int, level: int, stages: set[str]) -> None:
    """Leave the layers of one phase, less losses and accuracies."""
    kept = [
        each for each in net.layer if _included(each, phase, level, stages) and not _is_training(each.type)
    ]
    for each in kept:
        if not each.HasField("phase"):
            each.phase = phase
        each.ClearField("blobs")  # weights come from the .caffemodel
    del net.layer[:]
    net.layer.extend(kept)


def _is_training(kind: str) -> bool:
    """Whether a type only tells how well a net does: a loss or an accuracy."""
    return kind.endswith("Loss") or kind == "Accuracy"


def _parsed(path: Path) -> tuple[Any, tuple[text.Skipped, ...], str]:
    """Return what a file holds, what of it is not known, and its text if it is text."""
    data = _bytes(path)
    check_content(path, data, "a Caffe prototxt")
    check_layers(len(_LAYER.findall(data)), str(path))  # before they are read, one by one
    source = text.decoded(data)
    if source is None:
        return _from_binary(path, data), (), ""
    net = NetParameter()
    try:
        skipped = text.parse(source, net)
    except (text_format.ParseError, ValueError) as error:  # ValueError: a number of thousands of digits
        raise _mistake(path, source, error) from None
    _check_one_form(path, net, source)
    return net, skipped, source


def _from_binary(path: Path, data: bytes) -> Any:
    try:
        net = NetParameter.FromString(without_blobs(data))
        if (net.layer or net.layers) and not _has_broken_text(net):
            return net
    except (DecodeError, ModelError):
        pass
    raise ModelError(f"{path} is not a Caffe prototxt: it is not text")


def _mistake(path: Path, source: str, error: Exception) -> ModelError:
    """Return the error of a text that cannot be parsed: one with a mistake in it, or no prototxt at all."""
    reason = str(error).replace(" : ", ": ")
    reason = f"line {reason}" if reason[:1].isdigit() else reason
    reason = reason if len(reason) < 160 else f"{reason[:80]} … {reason[-70:]}"
    names = {name for name, _ in text.blocks(source, NetParameter.DESCRIPTOR)}
    is_net = not names.isdisjoint(_LAYERS)
    return ModelError(f"{path} {'has a mistake in' if is_net else 'is not a Caffe prototxt:'} {reason}")


def _check_one_form(path: Path, net: Any, source: str) -> None:
    if net.layer and net.layers:
        lines = dict(reversed(text.blocks(source, NetParameter.DESCRIPTOR)))
        raise ModelError(
            f"{path} has layers of two forms: line {lines['layer']} begins with 'layer', line {lines['layers']} with 'layers'; "
            'write all as layer { type: "Convolution" … }, or all as layers { type: CONVOLUTION … }'
        )


def upgraded(net: Any) -> Any:
    """Return a `NetParameter` in today's form; takes V0 and V1 layers and `input:` fields."""
    layers = [_from_v1(each) for each in without_padding_layers(net.layers)] + list(net.layer)
    if net.input:
        layers.insert(0, _input_layer(net))
    for layer in layers:
        forks.in_caffes_terms(layer)
    result = NetParameter(name=net.name, state=net.state)
    result.layer.extend(layers)
    return result


def _bytes(path: Path) -> bytes:
    if path.is_file() and not path.stat().st_size:
        raise ModelError(f"{path} is empty (0 bytes) and has no layers; copy or download it again")
    return read_plain(path, most=MAX_BYTES, error=ModelError)


def _input_layer(net: Any) -> Any:
    layer = NetParameter().layer.add(name="input", type="Input", top=list(net.input))
    if net.input_shape:
        layer.input_param.shape.extend(net.input_shape)
    else:
        for start in range(0, len(net.input_dim), 4):
            layer.input_param.shape.add(dim=net.input_dim[start : start + 4])
    return layer


def _from_v1(old: Any) -> Any:
    if old.HasField("layer"):
        return from_v0(old)
    layer = NetParameter().layer.add(name=old.name, bottom=old.bottom, top=old.top, type=_type_of(old))
    for field, value in old.ListFields():
        if field.name.endswith("_param") and field.message_type is not None:
            getattr(layer, field.name).CopyFrom(value)
    layer.unknown_settings.extend(old.unknown_settings)
    layer.include.extend(old.include)
    layer.exclude.extend(old.exclude)
    for index, name in enumerate(old.param):
        mode = old.blob_share_mode[index] if index < len(old.blob_share_mode) else 0
        layer.param.add(name=name, share_mode=mode)
    return layer


def _type_of(old: Any) -> str:
    if old.fork_type:
        return forks.type_of_v1(old.fork_type)
    name = V1LayerParameter.LayerType.Name(old.type)
    return _NEW_NAMES.get(name, name.title().replace("_", ""))


def _included(layer: Any, phase: int, level: int, stages: set[str]) -> bool:
    def meets(rule: Any) -> bool:
        return (
            (not rule.HasField("phase") or rule.phase == phase)
            and (not rule.HasField("min_level") or level >= rule.min_level)
            and (not rule.HasField("max_level") or level <= rule.max_level)
            and set(rule.stage) <= stages
            and not set(rule.not_stage) & stages
        )

    if layer.include:
        return any(meets(rule) for rule in layer.include)
    return not any(meets(rule) for rule in layer.exclude)
