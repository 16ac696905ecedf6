"""Reading a network's definition from a prototxt."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from batcountry.backend.limits import check_layers
from batcountry.backend.reading import read_plain
from batcountry.caffe.formats.v0 import from_v0, without_padding_layers
from batcountry.caffe.formats.weights import without_blobs
from batcountry.caffe.proto.caffe_pb2 import NetParameter, V1LayerParameter
from batcountry.errors import ModelError

MAX_BYTES = 64 << 20
"""Longest prototxt that is read."""

_LAYER = re.compile(rb"\blayers?\s*:?\s*[{<]")

# Types whose V1 name is not the new name in capitals with underscores taken out.
_NEW_NAMES = {
    "ABSVAL": "AbsVal", "ARGMAX": "ArgMax", "RELU": "ReLU", "TANH": "TanH",
    "BNLL": "BNLL", "LRN": "LRN", "MVN": "MVN", "IM2COL": "Im2col", "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "HDF5_DATA": "HDF5Data", "HDF5_OUTPUT": "HDF5Output",
}  # fmt: skip


def read_net(path: Path, *, phase: int, level: int = 0, stages: Sequence[str] = ()) -> Any:
    """Read a prototxt as today's `NetParameter`, with the layers of one phase, less losses and accuracies.

    Text or binary. V0 and V1 layers (`layers { layer { type: "conv" } }`, `layers { type: CONVOLUTION }`)
    become new ones, and `input:` fields an Input layer in front.

    Raises
    ------
    ModelError
        If the file is missing, not a prototxt, or has no layers or more than any net has.
    """
    net = upgraded(_parsed(path))
    check_layers(len(net.layer), str(path))
    _keep_layers(net, phase, level, {*stages, *net.state.stage})
    if not net.layer:
        raise ModelError(f"{path} has no layers; give the deploy.prototxt of a network")
    return net


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


def _parsed(path: Path) -> Any:
    data = read_plain(path, most=MAX_BYTES, error=ModelError)
    check_layers(len(_LAYER.findall(data)), str(path))  # before they are read, one by one
    net = NetParameter()
    try:
        text_format.Parse(data.decode("utf-8"), net)
        return net
    except UnicodeDecodeError:
        reason = "it is not text"
    except text_format.ParseError as error:
        reason = f"line {str(error).replace(' : ', ': ')}"
    except RecursionError:
        reason = "its brackets are nested too deeply"
    except ValueError as error:  # a number of thousands of digits
        reason = str(error)
    try:
        net = NetParameter.FromString(without_blobs(data))
        if (net.layer or net.layers) and not _has_broken_text(net):
            return net
    except (DecodeError, ModelError):
        pass
    raise ModelError(f"{path} is not a Caffe prototxt: {reason}")


def upgraded(net: Any) -> Any:
    """Return a `NetParameter` in today's form; takes V0 and V1 layers and `input:` fields."""
    layers = [_from_v1(each) for each in without_padding_layers(net.layers)] + list(net.layer)
    if net.input:
        layers.insert(0, _input_layer(net))
    result = NetParameter(name=net.name, state=net.state)
    result.layer.extend(layers)
    return result


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
    layer.include.extend(old.include)
    layer.exclude.extend(old.exclude)
    for index, name in enumerate(old.param):
        mode = old.blob_share_mode[index] if index < len(old.blob_share_mode) else 0
        layer.param.add(name=name, share_mode=mode)
    return layer


def _type_of(old: Any) -> str:
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
