"""Caffe's nets without Caffe: importable in place of `caffe`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from batcountry.backend.lazy import lazy_names

if TYPE_CHECKING:
    from batcountry.caffe.blob import Blob as Blob
    from batcountry.caffe.classifier import Classifier as Classifier
    from batcountry.caffe.layers.python import Layer as Layer
    from batcountry.caffe.layers.python import python_layer as python_layer
    from batcountry.caffe.layers.registry import caffe_layer as caffe_layer
    from batcountry.caffe.net import Net as Net
    from batcountry.caffe.net_spec import NetSpec as NetSpec
    from batcountry.caffe.net_spec import params as params
    from batcountry.caffe.net_spec import to_proto as to_proto
    from batcountry.caffe.proto.caffe_pb2 import TEST as TEST
    from batcountry.caffe.proto.caffe_pb2 import TRAIN as TRAIN

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "Blob": "blob",
        "Classifier": "classifier",
        "Layer": "layers.python",
        "Net": "net",
        "NetSpec": "net_spec",
        "TEST": "proto.caffe_pb2",
        "TRAIN": "proto.caffe_pb2",
        "caffe_layer": "layers.registry",
        "params": "net_spec",
        "python_layer": "layers.python",
        "to_proto": "net_spec",
    },
    ("coord_map", "io", "layers", "net_spec", "proto"),
)
__all__ += [
    "layer_type_list",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_random_seed",
]


def layer_type_list() -> list[str]:
    """Return the names of the layer types that are known, sorted."""
    from batcountry.caffe.layers import names

    return names()


def set_mode_cpu() -> None:
    """Do nothing: a `Net` always runs on the CPU."""


def set_mode_gpu() -> None:
    """Do nothing, so that programs that ask for a GPU run: a `Net` always runs on the CPU."""


def set_device(device_id: int) -> None:
    """Do nothing: a `Net` always runs on the CPU."""


def set_random_seed(seed: int) -> None:
    """Seed NumPy's global generator, from which fillers and training's dropout draw."""
    np.random.seed(seed)
