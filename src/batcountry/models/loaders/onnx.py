"""ONNX files as networks to dream with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from batcountry.errors import BatCountryError, MissingExtra, ModelError, first_line
from batcountry.models.loaders.hashes import open_checked
from batcountry.models.loaders.module import opened
from batcountry.models.loaders.onnx_graph import read_graph
from batcountry.models.loaders.onnx_parts import inlined, load_files
from batcountry.models.loaders.request import Request
from batcountry.models.model import Model

_MOST_BYTES = (1 << 31) - 1
"""Of a file itself, which is one message of protobuf's; weights may be in files beside it."""


def open_onnx(request: Request) -> Model:
    """Open an `.onnx` file; layers have the names of its nodes.

    The picture's size and channels are the file's, if it states them.

    Raises
    ------
    MissingExtra
        If onnx is not installed.
    PolicyError
        If it names files of weights that may not be read.
    ModelError
        If the file is missing or damaged, or has more than one input.
    UnsupportedLayer
        If the picture reaches none of its operators that are supported.
    """
    request.only("mean", "std", "input", "size", "classes", kind=f"the ONNX file {request.text}")
    path = request.path
    file, digest = open_checked(path, request.sha256)
    with file:
        onnx = _library()
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ModelError(f"{path} has more than {_MOST_BYTES:,} bytes, which no ONNX file may have")
    try:
        proto = onnx.load_model_from_string(data)
        del data
        proto = inlined(proto, str(path))
        load_files(proto, path.parent, request.policy)
    except BatCountryError:
        raise
    except Exception as error:  # protobuf's, and onnx's own for files beside it
        raise ModelError(f"{path} is not an ONNX file, or damaged ({first_line(error)})") from error
    stated, channels_last = _stated(proto, path)
    try:
        module = read_graph(proto, str(path), channels_last=channels_last).eval()
    except BatCountryError:
        raise
    except Exception as error:  # whatever a damaged node says, or a tensor whose numbers are no such shape
        raise ModelError(f"{path} is damaged ({first_line(error)})") from error
    own = module.requires_grad_(False)
    return opened(request, own, request.text, stated=stated, weights_sha256=digest, from_file=True)


def _library() -> Any:
    try:
        import onnx
    except ModuleNotFoundError:
        raise MissingExtra("an ONNX file", "onnx", "onnx") from None
    return onnx


def _stated(proto: Any, path: Path) -> tuple[dict[str, Any], bool]:
    """Return what the file states of its one input, channels and size, and whether the channels come last."""
    given = {each.name for each in proto.graph.initializer}
    inputs = [each for each in proto.graph.input if each.name not in given]
    if len(inputs) != 1:
        names = ", ".join(each.name for each in inputs) or "none"
        raise ModelError(f"{path} must have one input, a picture; it has {names}")
    dims = inputs[0].type.tensor_type.shape.dim
    shape = [each.dim_value if each.HasField("dim_value") else 0 for each in dims]
    if len(shape) != 4:
        raise ModelError(f"{path}: the input {inputs[0].name} is not pictures, which have four axes")
    channels_last = shape[3] in (1, 3, 4) and shape[1] not in (1, 3, 4)  # as TensorFlow's networks have them
    if channels_last:
        shape = [shape[0], shape[3], shape[1], shape[2]]
    found: dict[str, Any] = {}
    if shape[1] > 0 and shape[1] != 3:
        found["input"] = shape[1]
    if shape[2] > 0 and shape[3] > 0:
        found["size"] = (shape[2], shape[3])
    return found, channels_last
