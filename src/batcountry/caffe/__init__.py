"""Caffe's nets without Caffe: importable in place of `caffe`."""

from batcountry.caffe import io, proto
from batcountry.caffe.blob import Blob
from batcountry.caffe.classifier import Classifier
from batcountry.caffe.layers import caffe_layer
from batcountry.caffe.layers import names as layer_type_list
from batcountry.caffe.messages import TEST, TRAIN
from batcountry.caffe.net import Net

__all__ = [
    "TEST",
    "TRAIN",
    "Blob",
    "Classifier",
    "Net",
    "caffe_layer",
    "io",
    "layer_type_list",
    "proto",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
]


def set_mode_cpu() -> None:
    """Do nothing: a `Net` always runs on the CPU."""


def set_mode_gpu() -> None:
    """Do nothing, so that programs that ask for a GPU run: a `Net` always runs on the CPU."""


def set_device(device_id: int) -> None:
    """Do nothing: a `Net` always runs on the CPU."""
