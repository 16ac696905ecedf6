"""Whether a file is whole, as far as its first and last bytes tell.

That a file stands still does not say so on a network drive, where a copy may stop for a while. Whether it can be decoded is
for the job to say.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from batcountry.backend.reading import open_plain
from batcountry.errors import PictureError

MOST = 1 << 40
"""Bytes of a file that is dreamed on."""

_TAIL = 64 << 10
_MOST_BOXES = 10_000


def is_whole(path: Path) -> bool:
    """Whether a file ends as files of its kind do; one of a kind that is not known here counts as whole.

    Raises
    ------
    PictureError
        If it cannot be opened, or is empty.
    """
    with open_plain(path, most=MOST, error=PictureError) as file:
        try:
            begin = file.read(16)
            size = os.fstat(file.fileno()).st_size
            ends = next((check for fits, check in _KINDS if fits(begin)), None)
            return ends is None or ends(file, size)
        except OSError as error:
            raise PictureError(f"{path} cannot be read: {error.strerror}") from None


def _ends_with(mark: bytes) -> Callable[[BinaryIO, int], bool]:
    def check(file: BinaryIO, size: int) -> bool:
        file.seek(max(0, size - _TAIL))
        return mark in file.read(_TAIL)  # cameras add something after it

    return check


def _gif(file: BinaryIO, size: int) -> bool:
    file.seek(max(0, size - _TAIL))
    return file.read(_TAIL).rstrip(b"\0").endswith(b";")


def _riff(file: BinaryIO, size: int) -> bool:
    file.seek(4)
    return int(struct.unpack("<I", file.read(4))[0]) + 8 <= size + 1  # some leave the last even byte out


def _boxes(file: BinaryIO, size: int) -> bool:
    """Whether the boxes of an MP4, HEIC or AVIF lie within the file, and tell what is in it."""
    at, names = 0, set[bytes]()
    for _ in range(_MOST_BOXES):
        if at >= size - 7:
            return at <= size and bool(names & {b"moov", b"moof", b"meta"})
        file.seek(at)
        head = file.read(16)
        length, name = struct.unpack(">I4s", head[:8])
        if length == 1 and len(head) == 16:
            length = struct.unpack(">Q", head[8:])[0]
        names.add(name)
        if length == 0:
            at = size
        elif length < 8:
            return True  # no boxes after all, which the job is to judge
        else:
            at += length
    return True


_KINDS: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, int], bool]], ...] = (
    (lambda begin: begin.startswith(b"\xff\xd8\xff"), _ends_with(b"\xff\xd9")),
    (lambda begin: begin.startswith(b"\x89PNG"), _ends_with(b"IEND")),
    (lambda begin: begin.startswith((b"GIF87a", b"GIF89a")), _gif),
    (lambda begin: begin.startswith(b"RIFF"), _riff),
    (lambda begin: begin[4:8] == b"ftyp", _boxes),
)
