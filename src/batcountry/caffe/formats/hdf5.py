"""Weights in HDF5, `.caffemodel.h5`, through h5py."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from batcountry.backend.files import replace_file
from batcountry.backend.reading import MAX_WEIGHTS, check_plain
from batcountry.caffe.fillers import MAX_BLOB
from batcountry.errors import MissingExtra, ModelError

_MAGIC = b"\x89HDF\r\n\x1a\n"
_MOST_PACKED = 16  # no weights are packed tighter than this; a file that says so is a trap


def is_hdf5(file: BinaryIO) -> bool:
    """Whether an open file starts as HDF5 does; it is left at its start."""
    start = file.read(len(_MAGIC))
    file.seek(0)
    return start == _MAGIC


def read_hdf5(path: Path) -> dict[str, Sequence[NDArray[np.float32] | None]]:
    """Return the blobs of each layer by the layer's name, float32; None for one that another layer owns.

    Raises
    ------
    MissingExtra
        If h5py is not installed.
    ModelError
        If the file is damaged, has no weights, or points to other files.
    """
    h5py = _h5py()
    check_plain(path, most=MAX_WEIGHTS, error=ModelError)
    try:
        with h5py.File(path, "r") as file:
            data = file.get("data")
            if not isinstance(data, h5py.Group):
                raise ModelError(f"{path} has no group 'data'; a .caffemodel.h5 has its weights there")
            return {name: _blobs(path, group) for name, group in _layers(data, "", set())}
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError) as error:
        raise ModelError(f"{path} is damaged ({error}); copy or download it again") from None


def write_hdf5(path: Path, layers: Iterable[tuple[str, Sequence[NDArray[np.float32]]]]) -> None:
    """Write weights as Caffe does, into `data/<layer>/<number>`; raises `ModelError` if that cannot be done.

    `layers` are (name, blobs). A layer's name may have slashes in it.
    """
    whole = io.BytesIO()
    with _h5py().File(whole, "w") as file:
        data = file.create_group("data")
        for name, blobs in layers:
            group = data.create_group(name)
            for index, array in enumerate(blobs):
                group.create_dataset(str(index), data=array)
    try:
        replace_file(path, whole.getbuffer())
    except OSError as error:
        raise ModelError(f"cannot write {path}: {error.strerror}") from None


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise MissingExtra("weights in HDF5", "h5py", "hdf5") from None
    return h5py


def _layers(group: Any, name: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Yield each group that holds arrays, by its path: a layer's name may have slashes in it."""
    h5py = _h5py()
    seen.add(h5py.h5o.get_info(group.id).addr)  # hard links may go in circles
    children = {key: group[key] for key in group if isinstance(group.get(key, getlink=True), h5py.HardLink)}
    if any(isinstance(each, h5py.Dataset) for each in children.values()):
        yield name, group
    for key, child in children.items():
        if isinstance(child, h5py.Group) and h5py.h5o.get_info(child.id).addr not in seen:
            yield from _layers(child, f"{name}/{key}" if name else key, seen)


def _blobs(path: Path, group: Any) -> list[NDArray[np.float32] | None]:
    numbers = sorted(int(key) for key in group if key.isdecimal())
    if numbers and numbers[-1] > 16:
        raise ModelError(f"{path}: the layer {group.name} has a blob {numbers[-1]}, which no layer has")
    found: list[NDArray[np.float32] | None] = [None] * (numbers[-1] + 1 if numbers else 0)
    for number in numbers:
        if isinstance(group.get(str(number), getlink=True), _h5py().HardLink):
            found[number] = _array(path, group[str(number)])
    return found


def _array(path: Path, dataset: Any) -> NDArray[np.float32]:
    if not isinstance(dataset, _h5py().Dataset):
        raise ModelError(f"{path}: {dataset.name} holds no numbers")
    if dataset.external or dataset.is_virtual:
        raise ModelError(f"{path}: {dataset.name} is kept in another file, which is not read")
    if dataset.dtype.kind not in "fiu" or dataset.size is None:
        raise ModelError(f"{path}: {dataset.name} holds no numbers")
    size = dataset.size * dataset.dtype.itemsize
    if dataset.size > MAX_BLOB or size > _MOST_PACKED * max(dataset.id.get_storage_size(), 4096):
        raise ModelError(
            f"{path}: {dataset.name} says it has {dataset.size} numbers, more than the file holds"
        )
    return np.asarray(dataset[()], dtype=np.float32)
