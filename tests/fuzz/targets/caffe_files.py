"""Definitions, weights and means of Caffe."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from batcountry.caffe import TEST, Net
from batcountry.caffe.formats.means import read_mean
from batcountry.caffe.formats.prototxt import read_definition
from batcountry.caffe.io import array_to_blobproto
from batcountry.models.loaders.caffe import open_caffe
from caffe.zoo_nets import NETS
from fuzz.damage import damaged_bytes, damaged_text
from fuzz.target import Target

LAYERS = Path(__file__).parents[2] / "reference" / "layers"


@cache
def _cases() -> list[Path]:
    return sorted(LAYERS.glob("*/net.prototxt"))


@cache
def _words() -> list[str]:
    texts = [path.read_text() for path in _cases()]
    return sorted({word for text in texts for word in re.findall(r'"[^"]*"', text)})


def _definition(draw: random.Random, folder: Path) -> Path:
    path = folder / "net.prototxt"
    path.write_text(damaged_text(draw.choice(_cases()).read_text(), draw, _words()))
    return path


@cache
def _dialects() -> list[str]:
    return [str(NETS[name]()) for name in ("SegNet-Basic", "MTCNN P-Net", "Fast R-CNN", "LeNet", "HED")]


def _of_a_fork(draw: random.Random, folder: Path) -> Path:
    """Write a damaged definition of a fork, and beside it weights that it has no use for."""
    (folder / "net.caffemodel").write_bytes(b"\x0a\x01x")
    path = folder / "net.prototxt"
    path.write_text(damaged_text(draw.choice(_dialects()), draw, _words()), encoding="utf-8")
    return path


def _note(path: Path) -> str:
    definition = read_definition(path, phase=TEST)
    return definition.note() + definition.place("conv1")


def _binary(draw: random.Random, folder: Path) -> Path:
    """Write damaged weights, and beside them the definition that they are of."""
    case = draw.choice(_cases())
    (folder / "whole.prototxt").write_bytes(case.read_bytes())
    return _write(folder / "net.caffemodel", case.with_suffix(".caffemodel").read_bytes(), draw)


def _mean(draw: random.Random, folder: Path) -> Path:
    data = array_to_blobproto(np.ones((1, 3, 8, 8))).SerializeToString()
    return _write(folder / "mean.binaryproto", data, draw)


def _write(path: Path, data: bytes, draw: random.Random) -> Path:
    path.write_bytes(damaged_bytes(data, draw))
    return path


def _build(path: Path) -> Net:
    return Net(path, TEST)


def _with_weights(path: Path) -> Net:
    return Net(path.with_name("whole.prototxt"), TEST, weights=path)


_read_mean: Callable[[Path], object] = read_mean

TARGETS = [
    Target("caffe definition", _definition, _build),
    Target("caffe definition of a fork", _of_a_fork, _note, share=0.1),
    Target("caffe net of a fork", _of_a_fork, open_caffe, share=0.02),
    Target("caffe binary definition", _binary, _build),
    Target("caffe weights", _binary, _with_weights),
    Target("caffe mean", _mean, _read_mean),
]
