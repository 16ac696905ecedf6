"""Files of networks of all kinds but Caffe's own: programs, weights, descriptions."""

from __future__ import annotations

import io
import json
import random
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import nn

import stand_in
from batcountry.caffe import TEST, Net
from batcountry.caffe.checking import compare
from batcountry.caffe.formats.hdf5 import read_hdf5
from batcountry.errors import PolicyError
from batcountry.models import open_model
from batcountry.models.loaders.caffe import open_caffe
from batcountry.models.loaders.converted import save_converted
from batcountry.models.loaders.exported import read_exported
from batcountry.models.loaders.weights import read_state
from fuzz.damage import NUMBERS, damaged_bytes
from fuzz.target import Target

CASE = Path(__file__).parents[2] / "reference" / "layers" / "mini_inception"


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.max_pool2d(self.norm(self.conv(x)).relu(), 2)


@cache
def _net() -> nn.Module:
    torch.manual_seed(1)
    return _Net().eval()


@cache
def _saved(kind: str) -> bytes:
    """Return the bytes of a small file of a kind."""
    data, example = io.BytesIO(), torch.rand(1, 3, 16, 16)
    if kind == "pt2":
        torch.export.save(torch.export.export(_net(), (example,)), data)
    elif kind == "ts":
        torch.jit.save(torch.jit.trace(_net(), example), data)
    elif kind == "safetensors":
        return save(_net().state_dict())
    elif kind == "onnx":
        return _onnx()
    elif kind == "npz":
        np.savez(
            data,
            **{
                "input:data": np.ones((1, 3, 9, 9), np.float32),
                "data:relu": np.ones((1, 3, 9, 9), np.float32),
            },
        )
    else:
        torch.save({"state_dict": _net().state_dict()}, data, _use_new_zipfile_serialization=kind == "zip")
    return data.getvalue()


def _onnx() -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy_helper.from_array(np.random.RandomState(1).randn(8, 3, 3, 3).astype(np.float32), "w")
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["r"], name="relu"),
        helper.make_node("Concat", ["r", "r"], ["y"], name="both", axis=1),
    ]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 16, 16))
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "net", [given], [made], [weight])
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())


@cache
def _converted() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    save_converted(open_caffe(CASE / "net.prototxt", CASE / "net.caffemodel", mean=(1.0, 2.0, 3.0)), folder)
    return folder


@cache
def _hdf5() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.caffemodel.h5"
        Net(CASE / "net.prototxt", TEST, weights=CASE / "net.caffemodel").save_hdf5(str(path))
        return path.read_bytes()


WORDS = [
    "",
    "a",
    "conv",
    "x" * 300,
    "../x",
    "torch.ops.aten.full.default",
    "torch.ops.aten.cat.default",
    "\x1b[31m",
    "\udc80",
]


def damaged_json(value: Any, draw: random.Random) -> Any:
    """Change one thing in what JSON says: a number, a text, a kind, or a part left out or taken twice."""
    if isinstance(value, dict) and value:
        key = draw.choice(list(value))
        kind = draw.randrange(12)
        if kind == 0:
            return {each: value[each] for each in value if each != key}
        if kind == 1:
            return {**value, draw.choice(WORDS): value[key]}
        return {**value, key: damaged_json(value[key], draw)}
    if isinstance(value, list) and value:
        at, kind = draw.randrange(len(value)), draw.randrange(12)
        if kind < 3:
            return [*value[:at], *[value[at]] * draw.choice([0, 2, 40]), *value[at + 1 :]]
        return [*value[:at], damaged_json(value[at], draw), *value[at + 1 :]]
    number = draw.choice(NUMBERS)
    return draw.choice(
        [
            None,
            True,
            [],
            {},
            [[]],
            value,
            draw.choice(WORDS),
            int(number) if number.lstrip("-").isdigit() else 1e30,
        ]
    )


def _files(kind: str, suffix: str) -> Callable[[random.Random, Path], Path]:
    """Return what writes a file with its bytes damaged, and if it is an archive the files in it one time in two."""

    def make(draw: random.Random, folder: Path) -> Path:
        data = _hdf5() if kind == "hdf5" else _saved(kind)
        path = folder / f"net{suffix}"
        inside = zipfile.is_zipfile(io.BytesIO(data)) and draw.random() < 0.7
        path.write_bytes(_repacked(data, draw) if inside else damaged_bytes(data, draw))
        return path

    return make


def _repacked(data: bytes, draw: random.Random) -> bytes:
    """Return an archive with one of its files damaged: JSON as JSON, all else as bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(packed, "w") as other:
        chosen = draw.choice([each for each in archive.namelist() if archive.read(each)])
        favorites = [each for each in archive.namelist() if each.endswith((".json", "data.pkl"))]
        chosen = draw.choice(favorites) if favorites and draw.random() < 0.8 else chosen
        for name in archive.namelist():
            content = archive.read(name)
            if name == chosen:
                content = _damaged_file(name, content, draw)
            other.writestr(name, content)
    return packed.getvalue()


def _damaged_file(name: str, content: bytes, draw: random.Random) -> bytes:
    if not name.endswith(".json"):
        return damaged_bytes(content, draw)
    known = json.loads(content)
    for _ in range(draw.randint(1, 4)):
        known = damaged_json(known, draw)
    return json.dumps(known).encode()


def _description(draw: random.Random, folder: Path) -> Path:
    for each in _converted().iterdir():
        shutil.copyfile(each, folder / each.name)
    path = folder / "model.json"
    known = json.loads(path.read_text())
    for _ in range(draw.randint(1, 3)):
        known = damaged_json(known, draw)
    path.write_text(json.dumps(known) if draw.random() < 0.9 else json.dumps(known)[: draw.randrange(3000)])
    return folder


def _refused_script(path: Path) -> None:
    """Open TorchScript without leave, which is never to succeed."""
    try:
        open_model(path)
    except PolicyError:
        return
    raise AssertionError("it was opened without leave")


def _read_program(path: Path) -> object:
    with path.open("rb") as file:
        return read_exported(file, path.name)


def _open(path: Path) -> object:
    return open_model(path, size=16)


def _open_onnx(path: Path) -> object:
    with stand_in.torchvision(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return open_model(path, size=16)


def _compare(path: Path) -> object:
    definition = path.with_name("net.prototxt")
    definition.write_text(
        'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 9 dim: 9 } } }\n'
        'layer { name: "relu" type: "ReLU" bottom: "data" top: "relu" }'
    )
    return compare(definition, None, path)


TARGETS = [
    Target("model program", _files("pt2", ".pt2"), _read_program, share=0.5),
    Target("model program opened", _files("pt2", ".pt2"), _open, share=0.3),
    Target("model script", _files("ts", ".pt"), _refused_script, share=0.5),
    Target("model state zip", _files("zip", ".pth"), read_state),
    Target("model state legacy", _files("legacy", ".pth"), read_state),
    Target("model state safetensors", _files("safetensors", ".safetensors"), read_state),
    Target("model onnx", _files("onnx", ".onnx"), _open_onnx, share=0.05),
    Target("model hdf5", _files("hdf5", ".caffemodel.h5"), read_hdf5, share=0.5),
    Target("model arrays", _files("npz", ".npz"), _compare, share=0.3),
    Target("model description", _description, open_model, share=0.5),
]
