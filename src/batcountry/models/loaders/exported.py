"""Exported programs (`torch.export.save`, files ending in `.pt2`).

`torch.export.load` unpickles objects and evaluates text from the file, so these are read here instead:
the graph is JSON, weights are plain numbers. What is pickled is refused. The constraints that
came with the export are left aside, so layers run on pictures of other sizes too.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from math import prod
from typing import Any, BinaryIO, NoReturn

import torch
from torch import Tensor, nn

from batcountry.backend.limits import MOST_STEPS, check_layers
from batcountry.errors import ModelError
from batcountry.models.loaders.archives import is_archive, open_archive
from batcountry.models.loaders.hashes import open_checked
from batcountry.models.loaders.limits import check_stored
from batcountry.models.loaders.module import opened
from batcountry.models.loaders.program import Program, Ref, Step, one_picture, used_steps
from batcountry.models.loaders.request import Request
from batcountry.models.model import Model

_FORMAT = 8  # major version of the graph's form
_MOST_JSON = 32 << 20
_MODEL = "models/model.json"
_WEIGHTS, _CONSTANTS = "data/weights/", "data/constants/"

# Numbers of the form's types; see torch/_export/serde/schema.py.
_DTYPES = {
    1: torch.uint8,
    2: torch.int8,
    3: torch.int16,
    4: torch.int32,
    5: torch.int64,
    6: torch.float16,
    7: torch.float32,
    8: torch.float64,
    9: torch.complex32,
    10: torch.complex64,
    11: torch.complex128,
    12: torch.bool,
    13: torch.bfloat16,
}


_FORMATS = {1: torch.contiguous_format, 2: torch.channels_last, 4: torch.preserve_format}
"""Numbers of the form's memory formats."""


def open_exported(request: Request) -> Model:
    """Open a `.pt2` file, or an exported program that the user's program holds.

    Raises
    ------
    ModelError
        If the file is damaged, or of another version of the form, or has pickled parts, or another hash than was asked for,
        or takes more work than any network.
    UnsupportedLayer
        If the program does something that is not supported.
    """
    request.only("mean", "std", "input", "size", "classes", kind="an exported program")
    if request.text:
        name, (file, digest) = request.text, open_checked(request.path, request.sha256)
    else:
        name, file, digest = "exported program", io.BytesIO(), None
        torch.export.save(request.source, file)
    with file:
        module, shape = read_exported(file, name)
    stated = {"input": shape[1], "size": tuple(shape[2:])}
    if shape[1] == 3:
        del stated["input"]
    return opened(request, module.eval(), name, stated=stated, weights_sha256=digest, from_file=True)


def read_exported(file: BinaryIO, name: str) -> tuple[nn.Module, list[int]]:
    """Read an exported program from an open file; returns it and the shape of the input it was exported with.

    Raises
    ------
    ModelError
        As `open_exported`.
    UnsupportedLayer
        As `open_exported`.
    """
    if not is_archive(file):
        raise ModelError(f"{name} is no exported program; torch.export.save writes them")
    try:
        with open_archive(file, name) as archive:
            return _Reader(archive, name).read()
    except (TypeError, AttributeError, ArithmeticError, MemoryError, StopIteration) as error:
        raise ModelError(f"{name} is no exported program, or damaged ({error!r})") from None


class _Reader:
    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.archive, self.name = archive, name
        entries = [each for each in archive.namelist() if each.endswith(_MODEL)]
        if len(entries) != 1:
            self.refuse("it is not one program, or of an older version of PyTorch; export it again")
        self.top = entries[0].removesuffix(_MODEL)
        self.weights: dict[str, Tensor] = {}

    def refuse(self, why: str) -> NoReturn:
        raise ModelError(f"{self.name} cannot be opened: {why}")

    def read(self) -> tuple[nn.Module, list[int]]:
        program = self.json(_MODEL)
        if program["schema_version"]["major"] != _FORMAT:
            self.refuse(f"its form is version {program['schema_version']['major']}, not {_FORMAT}")
        graph, signature = program["graph_module"]["graph"], program["graph_module"]["signature"]
        check_layers(len(graph["nodes"]), self.name, MOST_STEPS)
        stored = {
            **self.tensors(_WEIGHTS + "model_weights_config.json", _WEIGHTS),
            **self.tensors(_CONSTANTS + "model_constants_config.json", _CONSTANTS),
        }
        pictures = []
        for spec in signature["input_specs"]:
            ((kind, value),) = spec.items()
            if kind == "user_input":
                pictures.append(value["arg"]["as_tensor"]["name"])
            elif kind in ("parameter", "buffer", "tensor_constant"):
                self.weights[value["arg"]["name"]] = stored[value[f"{kind}_name"]]
            else:
                self.refuse(f"it has an input of the kind {kind}")
        source = one_picture(pictures, self.name)
        given = [each["user_output"]["arg"] for each in signature["output_specs"] if "user_output" in each]
        outputs = [each["as_tensor"]["name"] for each in given if "as_tensor" in each]
        if not outputs:
            self.refuse("it gives no tensor")
        shape = [_side(each) for each in graph["tensor_values"][source]["sizes"]]
        if len(shape) != 4:
            self.refuse("its input is not pictures, which have four axes")
        steps = used_steps([self.step(each) for each in graph["nodes"]], outputs[0])
        module = Program(steps, self.weights, source=source, output=outputs[0], where=self.name)
        return module, shape

    def json(self, entry: str) -> Any:
        info = self.archive.getinfo(self.top + entry)
        if info.file_size > _MOST_JSON:
            self.refuse(f"{entry} in it is larger than {_MOST_JSON >> 20} MB")
        return json.loads(self.archive.read(info))

    def tensors(self, config: str, folder: str) -> dict[str, Tensor]:
        payloads = self.json(config)["config"]
        for name, payload in payloads.items():
            if payload["use_pickle"] or not payload.get("tensor_meta"):
                self.refuse(f"{name} in it is pickled, which may run any code; only plain numbers are read")
        sizes = {name: prod(_integers(each["tensor_meta"]["sizes"])) for name, each in payloads.items()}
        entries = {f"{self.top}{folder}{each['path_name']}" for each in payloads.values()}
        check_stored(sizes, sum(self.archive.getinfo(each).file_size for each in entries), self.name)
        return {name: self.tensor(payload, folder) for name, payload in payloads.items()}

    def tensor(self, payload: Any, folder: str) -> Tensor:
        meta, entry = payload["tensor_meta"], f"{self.top}{folder}{payload['path_name']}"
        dtype, sizes, strides = _DTYPES[meta["dtype"]], _integers(meta["sizes"]), _integers(meta["strides"])
        if min([*sizes, *strides, 0]) < 0:
            self.refuse(f"the weights {payload['path_name']} are not plain numbers")
        if not prod(sizes):
            return torch.zeros(sizes, dtype=dtype)
        if not self.archive.getinfo(entry).file_size:
            self.refuse(f"the weights {payload['path_name']} have no numbers, as on the device meta")
        numbers = torch.frombuffer(bytearray(self.archive.read(entry)), dtype=dtype)
        return numbers.as_strided(sizes, strides, meta["storage_offset"]["as_int"]).clone()

    def step(self, node: Any) -> Step:
        target = node["target"].removeprefix("torch.ops.")
        parts = target.split(".")
        if len(parts) not in (2, 3) or parts[0] not in ("aten", "_operator"):
            self.refuse(f"it calls {node['target']}, which is none of PyTorch's tensor operations")
        given, named = [], {}
        for each in node["inputs"]:
            value = self.value(each["arg"])
            if each.get("kind") == 2:
                named[each["name"]] = value
            else:
                given.append(value)
        path = _path(node.get("metadata", {}).get("nn_module_stack", ""))
        return Step(parts[1], path, tuple(given), tuple(self.results(node["outputs"])), named)

    def results(self, outputs: Any) -> list[str]:
        if len(outputs) == 1 and "as_tensors" in outputs[0]:
            return [each["name"] for each in outputs[0]["as_tensors"]]
        return [_deep_name(each) if "as_none" not in each else "" for each in outputs]

    def value(self, argument: Any) -> Any:
        ((kind, value),) = argument.items()
        if kind in ("as_sym_int", "as_sym_bool", "as_sym_float"):
            return self.value(value)
        if kind == "as_sym_ints":
            return tuple(self.value(each) for each in value)
        if kind not in _PLAIN:
            self.refuse(f"it has an argument of the kind {kind}")
        return _PLAIN[kind](value)


def _side(size: Any) -> int:
    """Return a number of an input's shape; one that may vary is an expression, with what it was exported with."""
    return int(size.get("as_int") or size["as_expr"]["hint"]["as_int"])


def _integers(given: Any) -> list[int]:
    return [int(each["as_int"]) for each in given]


def _deep_name(argument: Any) -> str:
    """Return the name of a value that is given as a tensor or as a number."""
    while isinstance(argument, dict):
        argument = argument["name"] if "name" in argument else next(iter(argument.values()))
    return str(argument)


def _path(stack: str) -> str:
    """Return the innermost module of a step from `key,path,type;key,path,type`."""
    last = stack.rpartition(";")[2].split(",")
    return last[1] if len(last) == 3 else ""


_PLAIN: dict[str, Callable[[Any], Any]] = {
    # What lies on a device or in a layout lies as the picture does.
    **dict.fromkeys(("as_none", "as_device", "as_layout"), lambda _: None),
    "as_memory_format": _FORMATS.get,
    **dict.fromkeys(("as_tensor", "as_name"), lambda value: Ref(_deep_name(value))),
    **dict.fromkeys(
        ("as_tensors", "as_optional_tensors"),
        lambda values: tuple(None if "as_none" in each else Ref(_deep_name(each)) for each in values),
    ),
    **dict.fromkeys(("as_int", "as_bool", "as_string"), lambda value: value),
    "as_complex": lambda value: complex(float(value["real"]), float(value["imag"])),
    "as_float": float,  # infinity and what is no number are text
    **dict.fromkeys(("as_ints", "as_bools"), tuple),
    "as_floats": lambda values: tuple(map(float, values)),
    "as_scalar_type": _DTYPES.__getitem__,
}
"""What an argument stands for, by its kind."""
