"""Zip archives that PyTorch writes: checked, and read by one reader.

Two readers of one archive may see two: it may have several directories, names twice, or bytes before its first file, and each
picks its own. So only archives are taken that leave no choice, and PyTorch, where it has to read one itself, gets what
`zipfile` read, packed anew.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, NoReturn

from batcountry.errors import ModelError, first_line

_END, _LARGE_END, _LARGE_PLACE = b"PK\5\6", b"PK\6\6", b"PK\6\7"
_END_SIZE, _LARGE_END_SIZE, _LARGE_PLACE_SIZE = 22, 56, 20
_ENTRY_SIZE = 46  # least bytes of an entry of the directory
_MOST_ENTRIES = 100_000
_HEADER_SIZE, _MOST_BETWEEN = (
    30,
    24,
)  # what comes before a file's name, and what may be said of a file after it
_MOST_PACKED = 64 << 20  # bytes of what is compressed, as the code of TorchScript is
DAMAGED = (OSError, EOFError, LookupError, ValueError, OverflowError, NotImplementedError, RuntimeError, struct.error,
           zipfile.BadZipFile, zlib.error)  # fmt: skip
"""What `zipfile` raises for archives that are damaged."""


@contextmanager
def open_archive(file: BinaryIO, where: str) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive for reading: with one directory at its end, each name once, and little that is packed.

    Parameters
    ----------
    file
        Open for reading; it stays open.
    where
        What messages call it.

    Raises
    ------
    ModelError
        If it is no zip archive, or not such a one, or damaged where the block reads from it.
    """
    _check_end(file, where)
    try:
        with zipfile.ZipFile(file) as archive:
            _check_entries(archive, file, where)
            yield archive
    except DAMAGED as error:
        raise ModelError(f"{where} is damaged ({first_line(error)}); copy or download it again") from None


def packed_anew(archive: zipfile.ZipFile) -> io.BytesIO:
    """Return an archive with the same files in it, for another reader; it is in memory."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as other:
        for entry in archive.infolist():
            other.writestr(zipfile.ZipInfo(entry.filename), archive.read(entry))
    data.seek(0)
    return data


def is_archive(file: BinaryIO) -> bool:
    """Whether an open file begins as PyTorch's archives do; it is left at its start."""
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    return start == b"PK\3\4"


def _refuse(where: str, why: str) -> NoReturn:
    raise ModelError(f"{where} is not an archive as PyTorch writes them: {why}; save or download it again")


def _check_end(file: BinaryIO, where: str) -> None:
    """Refuse an archive whose directory is not where all readers look for it, or is too large to be looked through."""
    size = file.seek(0, io.SEEK_END)
    rest = min(size, _END_SIZE + _LARGE_PLACE_SIZE + _LARGE_END_SIZE)
    file.seek(size - rest)
    tail = file.read(rest)
    if len(tail) < _END_SIZE or not tail[-_END_SIZE:].startswith(_END) or tail[-2:] != b"\0\0":
        _refuse(where, "it does not end with a directory")
    count, length, start = struct.unpack("<HII", tail[-12:-2])
    at = size - _END_SIZE
    place = tail[:-_END_SIZE][-_LARGE_PLACE_SIZE:]
    if place.startswith(_LARGE_PLACE):
        at -= _LARGE_PLACE_SIZE + _LARGE_END_SIZE
        large = tail[: -_END_SIZE - _LARGE_PLACE_SIZE]
        if not large.startswith(_LARGE_END) or struct.unpack("<Q", place[8:16]) != (at,):
            _refuse(where, "its directory's end is not where it says")
        count, length, start = struct.unpack("<QQQ", large[32:56])
    if start + length != at:
        _refuse(where, "its directory is not where it says")
    if count > _MOST_ENTRIES or length < count * _ENTRY_SIZE or length > count * (1 << 17):
        _refuse(where, f"its directory of {length:,} bytes does not go with {count:,} files")
    file.seek(0)


def _check_entries(archive: zipfile.ZipFile, file: BinaryIO, where: str) -> None:
    entries = archive.infolist()
    size = file.seek(0, io.SEEK_END)
    if len({each.filename for each in entries}) != len(entries):
        _refuse(where, "a name is in it twice")
    if any(each.flag_bits & 1 for each in entries):
        _refuse(where, "it is encrypted")
    _check_places(entries, file, archive.start_dir, where)
    plain = all(each.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for each in entries)
    if not plain:
        _refuse(where, "it is packed in a way that they do not use")
    packed = sum(each.file_size for each in entries if each.compress_type != zipfile.ZIP_STORED)
    stored = sum(each.file_size for each in entries if each.compress_type == zipfile.ZIP_STORED)
    if packed > _MOST_PACKED or stored > size:
        _refuse(where, f"{packed:,} bytes are packed in it, and at most {_MOST_PACKED:,} are taken")


def _check_places(entries: Sequence[zipfile.ZipInfo], file: BinaryIO, end: int, where: str) -> None:
    """Refuse files that lie over each other, and bytes that belong to none, in which another archive may be."""
    at = 0
    for each in sorted(entries, key=lambda entry: entry.header_offset):
        if not 0 <= each.header_offset - at <= _MOST_BETWEEN * (at > 0):
            _refuse(where, f"{each.filename} in it does not follow the file before it")
        file.seek(each.header_offset)
        name, more = struct.unpack("<HH", file.read(_HEADER_SIZE)[-4:])
        at = each.header_offset + _HEADER_SIZE + name + more + each.compress_size
    if not 0 <= end - at <= _MOST_BETWEEN:
        _refuse(where, "its directory does not follow its files")
