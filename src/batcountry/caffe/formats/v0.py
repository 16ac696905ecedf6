"""Layers as Caffe's first files of 2013 had them: `layers { layer { type: "conv" } }`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from batcountry.caffe.proto.caffe_pb2 import NetParameter, V1LayerParameter

_TYPES = {
    "accuracy": "Accuracy", "bnll": "BNLL", "concat": "Concat", "conv": "Convolution", "data": "Data",
    "dropout": "Dropout", "euclidean_loss": "EuclideanLoss", "flatten": "Flatten", "hdf5_data": "HDF5Data",
    "hdf5_output": "HDF5Output", "im2col": "Im2col", "images": "ImageData", "infogain_loss": "InfogainLoss",
    "innerproduct": "InnerProduct", "lrn": "LRN", "multinomial_logistic_loss": "MultinomialLogisticLoss",
    "pool": "Pooling", "relu": "ReLU", "sigmoid": "Sigmoid", "softmax": "Softmax",
    "softmax_loss": "SoftmaxWithLoss", "split": "Split", "tanh": "TanH", "window_data": "WindowData",
}  # fmt: skip

# Of a type, its message and what the fields are called there.
_SETTINGS: dict[str, tuple[str, dict[str, str]]] = {
    "conv": (
        "convolution_param",
        {
            "num_output": "num_output", "biasterm": "bias_term", "weight_filler": "weight_filler",
            "bias_filler": "bias_filler", "pad": "pad", "kernelsize": "kernel_size", "group": "group",
            "stride": "stride",
        },
    ),
    "innerproduct": (
        "inner_product_param",
        {
            "num_output": "num_output", "biasterm": "bias_term", "weight_filler": "weight_filler",
            "bias_filler": "bias_filler",
        },
    ),
    "pool": ("pooling_param", {"pool": "pool", "kernelsize": "kernel_size", "stride": "stride", "pad": "pad"}),
    "lrn": ("lrn_param", {"local_size": "local_size", "alpha": "alpha", "beta": "beta", "k": "k"}),
    "dropout": ("dropout_param", {"dropout_ratio": "dropout_ratio"}),
    "concat": ("concat_param", {"concat_dim": "concat_dim"}),
}  # fmt: skip


def innermost(layer: Any) -> Any:
    """Return the message that has a layer's name and blobs: of a V1 message that holds a layer in V0's form, that one."""
    is_v0 = layer.DESCRIPTOR.name == "V1LayerParameter" and layer.HasField("layer")
    return layer.layer if is_v0 else layer


def from_v0(old: Any) -> Any:
    """Return today's `LayerParameter` of a V1 message that holds a layer in V0's form."""
    inner = old.layer
    layer = NetParameter().layer.add(
        name=inner.name, type=_TYPES.get(inner.type, inner.type), bottom=old.bottom, top=old.top
    )
    home, names = _SETTINGS.get(inner.type, ("", {}))
    for field, value in inner.ListFields():
        if field.name in names:
            _set(getattr(layer, home), names[field.name], value)
    return layer


def _set(message: Any, name: str, value: Any) -> None:
    if hasattr(value, "CopyFrom"):
        getattr(message, name).CopyFrom(value)
    elif hasattr(getattr(message, name), "append"):
        getattr(message, name).append(value)
    else:
        setattr(message, name, value)


def without_padding_layers(layers: Iterable[Any]) -> list[Any]:
    """Return V1 messages with V0's padding layers taken out: the layers that read them pad for themselves."""
    padded: dict[str, tuple[str, int]] = {}
    kept = []
    for original in layers:
        if original.layer.type == "padding":
            padded.update(
                (top, (original.bottom[0], original.layer.pad)) for top in original.top if original.bottom
            )
            continue
        layer = V1LayerParameter()
        layer.CopyFrom(original)
        for index, bottom in enumerate(layer.bottom):
            if bottom in padded:
                layer.bottom[index], layer.layer.pad = padded[bottom]
        kept.append(layer)
    return kept
