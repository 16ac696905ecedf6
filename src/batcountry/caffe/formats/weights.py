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
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from batcountry.backend.files import replace_file
from batcountry.backend.reading import MAX_TEXT, MAX_WEIGHTS, open_plain, read_plain
from batcountry.caffe.formats import text
from batcountry.caffe.formats.hdf5 import is_hdf5, read_hdf5
from batcountry.caffe.formats.lookalikes import HEAD, check_content
from batcountry.caffe.formats.v0 import innermost
from batcountry.caffe.proto.caffe_pb2 import BlobProto, LayerParameter, NetParameter
from batcountry.errors import ModelError

Blobs = dict[str, Sequence["NDArray[np.float32] | None"]]

_V1_LAYERS, _LAYERS = 2, 100  # of NetParameter
_NAME, _V0, _BLOB = "name", "layer in the form before it", "blob"
_BLOBS: dict[int, dict[int, str]] = {
    _V1_LAYERS: {4: _NAME, 1: _V0, 6: _BLOB},
    _LAYERS: {1: _NAME, 7: _BLOB},
}
"""Of the fields of a network with layers, what is read of a layer; all else may be a fork's, and is not looked at."""
_V0_LAYER = {1: _NAME, 50: _BLOB}
_DATA, _DIFFS = 5, (6, 9)
_NUMBERS: dict[int, np.dtype[Any]] = {
    _DATA: np.dtype("<f4"),
    8: np.dtype("<f8"),
}  # data and double_data of BlobProto


def read_weights(path: Path) -> Blobs:
    """Return the blobs of each layer by the layer's name, float32, in the file's order and shapes.

    Reads `.caffemodel` files, binary or text, of any age, and HDF5 (`.caffemodel.h5`), told by what
    is in the file. Old four-number sizes are given as four axes.

    Raises
    ------
    ModelError
        If the file is missing, is no `.caffemodel`, or is cut short.
    """
    with open_plain(path, most=MAX_WEIGHTS, error=ModelError) as file:
        try:
            head = file.read(HEAD)
            file.seek(0)
            check_content(path, head, "Caffe weights")
            if is_hdf5(file):
                return read_hdf5(path)
            if text.decoded(head) is not None:
                return _read_text(path, file.read(MAX_TEXT + 1))
            # Not closed here: an error's traceback may still hold views into the map.
            return _read(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)), file)
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
    pieces: list[bytes | memoryview] = []
    for name, kind, blobs in layers:
        parts: list[bytes | memoryview] = [LayerParameter(name=name, type=kind).SerializeToString()]
        for array in blobs:
            header, numbers = _header(array), np.ascontiguousarray(array, dtype="<f4")
            parts += [
                _tag(_blob_fields(_LAYERS)[0], len(header) + numbers.nbytes),
                header,
                numbers.data.cast("B"),
            ]
        pieces += [_tag(_LAYERS, sum(map(len, parts))), *parts]
    try:
        replace_file(path, *pieces)
    except OSError as error:
        raise ModelError(f"cannot write {path}: {error.strerror}") from None


def _header(array: NDArray[np.float32]) -> bytes:
    """Return a `BlobProto` up to its numbers."""
    blob = BlobProto()
    blob.shape.dim.extend(array.shape)
    return blob.SerializeToString() + _tag(_DATA, array.size * 4)


def _tag(field: int, length: int) -> bytes:
    return _varint_of(field << 3 | 2) + _varint_of(length)


def _read(whole: memoryview, file: BinaryIO) -> Blobs:
    start = _address(whole)

    def load(part: memoryview, kind: np.dtype[Any]) -> NDArray[Any]:
        # Read instead of copied from the map, so that each number is in memory once, and aligned.
        count, rest = divmod(len(part), kind.itemsize)
        if rest:
            raise _Damaged("a blob ends within a number")
        file.seek(0)
        return np.fromfile(file, kind, count, offset=_address(part) - start) if count else np.zeros(0, kind)

    return dict(_layer(_BLOBS[number], value, load) for number, value in _fields(whole) if number in _BLOBS)


def _read_text(path: Path, data: bytes) -> Blobs:
    if len(data) > MAX_TEXT:
        raise ModelError(f"{path} is text of more than {MAX_TEXT >> 20} MB; write it as a binary .caffemodel")
    net = NetParameter()
    source = text.decoded(data)
    if source is None:
        raise _Damaged("text with bytes in it that are none")
    try:
        text.parse(source, net)
    except (text_format.ParseError, ValueError) as error:
        raise ModelError(f"{path} is text, but not weights of Caffe's: line {error}"[:300]) from None
    found: Blobs = {}
    for layer in (*net.layers, *net.layer):
        own = innermost(layer)
        found[own.name] = [_array_of(blob) for blob in own.blobs]
    if not any(found.values()):
        raise ModelError(f"{path} is text with no weights in it (are prototxt and .caffemodel swapped?)")
    return found


def _array_of(blob: Any) -> NDArray[np.float32]:
    return _shaped(blob, np.array(blob.data or blob.double_data, dtype=np.float32))


def read_blob(path: Path) -> NDArray[np.float32]:
    """Return the array in a file that is one `BlobProto`, such as `mean.binaryproto`.

    Raises
    ------
    ModelError
        If the file is missing, or is none.
    """
    data = read_plain(path, most=MAX_TEXT, error=ModelError)
    check_content(path, data, "a mean of Caffe's")
    try:
        return _blob(memoryview(data), lambda part, kind: np.frombuffer(part, kind))
    except (_Damaged, DecodeError, ValueError) as error:
        raise ModelError(f"{path} is not a blob of Caffe's or is cut short ({error})") from None


def _address(view: memoryview) -> int:
    return int(np.frombuffer(view, np.uint8).__array_interface__["data"][0])


Load = Callable[[memoryview, "np.dtype[Any]"], NDArray[Any]]


class _Damaged(Exception):
    pass


def _layer(fields: dict[int, str], data: memoryview, load: Load) -> tuple[str, list[NDArray[np.float32]]]:
    blobs, name = [], ""
    for field, value in _fields(data):
        kind = fields.get(field)
        if kind == _BLOB:
            blobs.append(_blob(value, load))
        elif kind == _V0:
            name, blobs = _layer(_V0_LAYER, value, load)
        elif kind == _NAME:
            name = bytes(value).decode("utf-8")
    return name, blobs


def without_blobs(data: bytes) -> bytes:
    """Return a binary `NetParameter` without the numbers in its layers; raises `ModelError` if it is damaged."""
    kept = bytearray()
    try:
        for number, value in _fields(memoryview(data), kept, apart=tuple(_BLOBS)):
            if number in _BLOBS:
                small = bytearray()
                for _ in _fields(value, small, apart=_blob_fields(number)):
                    continue
                kept += _tag(number, len(small)) + small
    except _Damaged as error:
        raise ModelError(f"the net is not a NetParameter or is cut short ({error})") from None
    return bytes(kept)


def _blob_fields(layers: int) -> tuple[int, ...]:
    return tuple(field for field, kind in _BLOBS[layers].items() if kind == _BLOB)


def _varint_of(value: int) -> bytes:
    pieces = bytearray()
    while value > 127:
        pieces.append(value & 127 | 128)
        value >>= 7
    return bytes([*pieces, value])


def _blob(data: memoryview, load: Load) -> NDArray[np.float32]:
    small, parts = bytearray(), []
    for field, value in _fields(data, small, apart=(*_NUMBERS, *_DIFFS)):
        if field in _NUMBERS:
            parts.append(load(value, _NUMBERS[field]))
    header = BlobProto.FromString(bytes(small))
    numbers = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.zeros(0, np.float32)
    with np.errstate(over="ignore"):
        numbers = numbers.astype(np.float32, copy=False)
    return _shaped(header, numbers)


def _shaped(header: Any, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
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
