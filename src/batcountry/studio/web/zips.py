"""A zip of files, sent as it is made, so that it is never in memory or on the disk."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

_PIECE = 1 << 18


class _Pipe(io.RawIOBase):
    """A file that is written to its end and whose bytes are taken as they come."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found


def zipped(files: Iterable[tuple[str, Path]]) -> Iterator[bytes]:
    """Yield a zip of files with their names in it; those that are gone meanwhile are left out.

    Nothing is compressed, as pictures are already.
    """
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as made:
        for name, path in files:
            try:
                source = path.open("rb")
            except OSError:
                continue
            with source, made.open(zipfile.ZipInfo.from_file(path, name), "w", force_zip64=True) as entry:
                while piece := source.read(_PIECE):
                    entry.write(piece)
                    yield pipe.taken()
            yield pipe.taken()
    yield pipe.taken()
