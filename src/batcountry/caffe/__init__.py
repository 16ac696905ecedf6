"""Caffe's nets without Caffe: importable in place of `caffe`."""

from batcountry.caffe import io
from batcountry.caffe.blob import Blob
from batcountry.caffe.layers import caffe_layer
from batcountry.caffe.messages import TEST, TRAIN
from batcountry.caffe.net import Net

__all__ = ["TEST", "TRAIN", "Blob", "Net", "caffe_layer", "io"]
