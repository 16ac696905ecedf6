"""Reading a network's weights from a `.caffemodel`.

The file is mapped into memory and its wire format walked here down to the blobs, so that a
layer's numbers are read from the file straight into an array, never as Python numbers; everything
small is left to protobuf.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from batcountry.caffe.messages import BlobProto, LayerParameter, NetParameter, V1LayerParameter
from batcountry.errors import ModelError
from batcountry.files import replace_file

Blobs = dict[str, list[NDArray[np.float32]]]

_V1_LAYERS, _LAYERS = 2, 100  # of NetParameter
_BLOBS = {_V1_LAYERS: (V1LayerParameter, 6), _LAYERS: (LayerParameter, 7)}
_NUMBERS: dict[int, np.dtype[Any]] = {
    5: np.dtype("<f4"),
    8: np.dtype("<f8"),
}  # data and double_data of BlobProto
_DIFFS = (6, 9)


def read_weights(path: Path) -> Blobs:
    """Return the blobs of each layer by the layer's name, float32, in the file's order and shapes.

    Old four-number sizes are given as four axes.

    Raises
    ------
    ModelError
        If the file is missing, is no `.caffemodel`, or is cut short.
    """
    try:
        if path.is_dir():
            raise ModelError(f"{path} is a folder; name the .caffemodel in it")
        with path.open("rb") as file:
            if not path.stat().st_size:
                raise ModelError(f"{path} is empty (0 bytes); copy or download it again")
            # Not closed here: an error's traceback may still hold views into the map.
            return _read(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)), file)
    except FileNotFoundError:
        raise ModelError(f"there is no file {path}; check the name") from None
    except (_Damaged, DecodeError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{path} is not a .caffemodel or is cut short ({error}); copy or download it again"
        ) from None
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error}") from None


def write_weights(path: Path, layers: Iterable[tuple[str, str, Sequence[NDArray[np.float32]]]]) -> None:
    """Write a `.caffemodel` that Caffe reads, whole or not at all.

    `layers` are (name, type, blobs). Raises `ModelError` if it cannot be written.
    """
    net = NetParameter()
    for name, kind, blobs in layers:
        layer = net.layer.add(name=name, type=kind)
        for array in blobs:
            blob = layer.blobs.add()
            blob.shape.dim.extend(array.shape)
            blob.data.extend(array.ravel())
    try:
        replace_file(path, net.SerializeToString())
    except OSError as error:
        raise ModelError(f"cannot write {path}: {error.strerror}") from None


def _read(whole: memoryview, file: BinaryIO) -> Blobs:
    start = _address(whole)

    def load(part: memoryview, kind: np.dtype[Any]) -> NDArray[Any]:
        # Read instead of copied from the map, so that each number is in memory once, and aligned.
        count, rest = divmod(len(part), kind.itemsize)
        if rest:
            raise _Damaged("a blob ends within a number")
        file.seek(0)
        return np.fromfile(file, kind, count, offset=_address(part) - start) if count else np.zeros(0, kind)

    return dict(_layer(number, value, load) for number, value in _fields(whole) if number in _BLOBS)


def _address(view: memoryview) -> int:
    return int(np.frombuffer(view, np.uint8).__array_interface__["data"][0])


Load = Callable[[memoryview, "np.dtype[Any]"], NDArray[Any]]


class _Damaged(Exception):
    pass


def _layer(number: int, data: memoryview, load: Load) -> tuple[str, list[NDArray[np.float32]]]:
    kind, blobs_field = _BLOBS[number]
    small, blobs = bytearray(), []
    for field, value in _fields(data, small, apart=(blobs_field,)):
        if field == blobs_field:
            blobs.append(_blob(value, load))
    return str(kind.FromString(bytes(small)).name), blobs


def _blob(data: memoryview, load: Load) -> NDArray[np.float32]:
    small, parts = bytearray(), []
    for field, value in _fields(data, small, apart=(*_NUMBERS, *_DIFFS)):
        if field in _NUMBERS:
            parts.append(load(value, _NUMBERS[field]))
    header = BlobProto.FromString(bytes(small))
    numbers = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.zeros(0, np.float32)
    numbers = numbers.astype(np.float32, copy=False)
    shape = _shape(header, numbers.size)
    if any(size < 0 for size in shape) or prod(shape) != numbers.size:
        raise _Damaged(f"a blob of shape {shape} holds {numbers.size} numbers")
    return numbers.reshape(shape)


def _shape(header: Any, count: int) -> tuple[int, ...]:
    if header.HasField("shape"):
        return tuple(header.shape.dim)
    legacy = header.num, header.channels, header.height, header.width
    return legacy if any(legacy) else (count,)


def _fields(
    data: memoryview, rest: bytearray | None = None, apart: tuple[int, ...] = ()
) -> Iterator[tuple[int, memoryview]]:
    """Yield the fields of a message as (number, bytes); those not set `apart` are appended to `rest` as they are."""
    at = 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            begin, (_, end) = at, _varint(data, at)
        elif wire == 2:
            length, begin = _varint(data, at)
            end = begin + length
        elif wire in (1, 5):
            begin, end = at, at + (8 if wire == 1 else 4)
        else:
            raise _Damaged(f"a field of wire type {wire}")
        if end > len(data) or not number:
            raise _Damaged("a field reaches past the end")
        if rest is not None and number not in apart:
            rest += data[start:end]
        yield number, data[begin:end]
        at = end


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise _Damaged("a number does not end")
