"""What `torch.save` wrote, read as tensors and plain values alone: nothing that is named in it is called.

A pickle is a program, and of what PyTorch's own reader allows (`weights_only`) a few bytes can still ask for any amount of
memory. Here names stand for nothing but dictionaries, tensors and their types, and tensors for numbers that the file has.
"""

from __future__ import annotations

import pickle
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, ClassVar

import torch
from torch import Tensor

from batcountry.models.loaders.archives import is_archive, open_archive

_LEGACY_MAGIC, _LEGACY_VERSION = 0x1950A86A20F9469CFC6C, 1001
_MOST_PICKLE = 64 << 20
_TYPES = {
    "Float": torch.float32, "Double": torch.float64, "Half": torch.float16, "BFloat16": torch.bfloat16,
    "Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8,
    "Bool": torch.bool, "ComplexFloat": torch.complex64, "ComplexDouble": torch.complex128, "Untyped": torch.uint8,
}  # fmt: skip
_DTYPES = {name: each for name, each in vars(torch).items() if isinstance(each, torch.dtype)}

Storage = Callable[[str, torch.dtype, int], Tensor]
"""Gives the numbers of a storage, (N,), by its key, type and number."""


class NotTensors(Exception):
    """A pickle names what is neither a tensor nor a plain value."""


def read_pickled(file: BinaryIO, where: str) -> Any:
    """Return what `torch.save` wrote into an open file, of any version since 2017.

    Raises
    ------
    NotTensors
        If there is something else in it than tensors and plain values.
    ModelError
        If it is damaged. What pickles raise that are damaged is left to whoever asked.
    """
    if not is_archive(file):
        return _read_legacy(file)
    with open_archive(file, where) as archive:
        tops = [each for each in archive.namelist() if each.endswith("/data.pkl")]
        if len(tops) != 1:
            raise NotTensors("it has no pickle, or several")
        top = tops[0].removesuffix("data.pkl")
        if (
            f"{top}byteorder" in archive.namelist()
            and archive.read(f"{top}byteorder") != sys.byteorder.encode()
        ):
            raise NotTensors("its numbers are of a machine with another order of bytes")
        if archive.getinfo(tops[0]).file_size > _MOST_PICKLE:
            raise NotTensors(f"its pickle has more than {_MOST_PICKLE:,} bytes")

        def storage(key: str, dtype: torch.dtype, count: int) -> Tensor:
            return _numbers(archive.read(f"{top}data/{key}"), dtype, count)

        with archive.open(tops[0]) as pickled:
            return _Reader(pickled, storage).load()


def _read_legacy(file: BinaryIO) -> Any:
    """Read the form of before PyTorch 1.6: three pickles, the object's, that of the storages' keys, and their numbers."""
    size = file.seek(0, 2)
    file.seek(0)
    stored: dict[str, Tensor] = {}

    def storage(key: str, dtype: torch.dtype, count: int) -> Tensor:
        left = size - file.tell() - sum(each.nbytes for each in stored.values())
        if key not in stored:
            if count * dtype.itemsize > left:
                raise ValueError("a storage is larger than the file")
            stored[key] = torch.empty(count, dtype=dtype)
        return stored[key]

    if _Reader(file, storage).load() != _LEGACY_MAGIC or _Reader(file, storage).load() != _LEGACY_VERSION:
        raise pickle.UnpicklingError("it does not begin as torch.save has it")
    _Reader(file, storage).load()  # of the machine that wrote it
    found = _Reader(file, storage).load()
    for key in _Reader(file, storage).load():
        numbers = stored[key]
        (count,) = struct.unpack("<q", file.read(8))
        data = file.read(numbers.nbytes) if count == len(numbers) else b""
        numbers.copy_(_numbers(data, numbers.dtype, len(numbers)))
    return found


def _numbers(data: bytes, dtype: torch.dtype, count: int) -> Tensor:
    if len(data) != count * dtype.itemsize:
        raise ValueError(f"a storage has {len(data):,} bytes where {count:,} numbers are to be")
    return torch.frombuffer(bytearray(data), dtype=dtype) if data else torch.zeros(0, dtype=dtype)


class Values(dict[Any, Any]):
    """A dictionary with plain keys; what was set on it besides is left aside."""

    def __setitem__(self, key: Any, value: Any) -> None:
        if not isinstance(key, (str, int, float, bytes)):  # to hash tuples in tuples may take for ever
            raise NotTensors("a dictionary with keys that are no text is in it")
        super().__setitem__(key, value)

    def __setstate__(self, state: Any) -> None:
        """Leave aside what a state dict says of modules' versions."""


def _tensor(storage: Tensor, offset: int, size: Sequence[int], stride: Sequence[int], *_: Any) -> Tensor:
    return storage.as_strided(size, stride, offset)


def _first(value: Any, *_: Any) -> Any:
    return value


def _nothing(*_: Any) -> None:
    """Stand for what weights have no use for."""


def _bytes(text: Any, *_: Any) -> bytes:
    if not isinstance(text, str):
        raise NotTensors("bytes of what is no text are in it")
    return text.encode("latin1")  # as pickles have them that Python 2 could read


_NAMES: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): Values,
    ("_codecs", "encode"): _bytes,
    ("torch", "Size"): tuple,
    ("torch", "device"): _nothing,
    ("torch.serialization", "_get_layout"): _nothing,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _first,
    ("torch._utils", "_rebuild_parameter_with_state"): _first,
    ("torch.nn.parameter", "Parameter"): _first,
}


# Written in Python, as the quick one takes memory for as many objects as a pickle says it remembers.
class _Reader(pickle._Unpickler):
    """Reads a pickle in which names stand for what is here and nothing else."""

    def __init__(self, file: Any, storage: Storage) -> None:
        super().__init__(file)
        self._storage = storage
        self._stored: dict[str, Tensor] = {}

    def load_empty_dictionary(self) -> None:
        """See `pickle`."""
        self.append(Values())  # type: ignore[attr-defined]

    dispatch: ClassVar[dict[int, Any]] = {
        **{
            code: function
            for code, function in pickle._Unpickler.dispatch.items()
            if code not in b"".join((pickle.EMPTY_SET, pickle.FROZENSET, pickle.ADDITEMS, pickle.DICT))
        },
        pickle.EMPTY_DICT[0]: load_empty_dictionary,
    }

    def find_class(self, module: str, name: str) -> Any:
        """See `pickle.Unpickler`."""
        if module in ("torch", "torch.storage") and name.endswith("Storage") and name[:-7] in _TYPES:
            return _TYPES[name[:-7]]
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) in _NAMES:
            return _NAMES[module, name]
        raise NotTensors(f"{module}.{name} is in it")

    def persistent_load(self, pid: Any) -> Tensor:
        """See `pickle.Unpickler`."""
        kind, dtype, key, _, count, *view = pid
        plain = isinstance(dtype, torch.dtype) and isinstance(key, str) and isinstance(count, int)
        if kind != "storage" or not plain or any(each is not None for each in view) or count < 0:
            raise NotTensors("something that is stored, and no tensor, is in it")
        if key not in self._stored:
            self._stored[key] = self._storage(key, dtype, count)
        return self._stored[key]
