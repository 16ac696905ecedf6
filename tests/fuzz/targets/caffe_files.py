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
from batcountry.caffe.io import array_to_blobproto
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
    Target("caffe binary definition", _binary, _build),
    Target("caffe weights", _binary, _with_weights),
    Target("caffe mean", _mean, _read_mean),
]
