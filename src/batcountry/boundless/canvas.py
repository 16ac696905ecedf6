"""Pictures on disk: float32 numbers in rows, of which only a piece is in memory at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_STRIP = 16 << 20


@dataclass(frozen=True)
class Canvas:
    """A picture in a file of its own: height × width × 3 float32, RGB in grey levels, with no header.

    The file is mapped for each piece that is read or written, and let go of at once: pages of a
    mapping that stays count as the program's memory.
    """

    path: Path
    size: tuple[int, int]

    def blank(self) -> Canvas:
        """Make the file anew, all zeros; raises `OSError` if the disk has no room for all of it."""
        count = self.size[0] * self.size[1] * 12
        with self.path.open("wb") as file:
            file.truncate(count)
            # Room is taken now: a mapped page that finds none later would end the process.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, count)
        return self

    def strips(self) -> Iterator[range]:
        """Yield ranges of rows that go from top to bottom, each of some megabytes."""
        height, width = self.size
        rows = max(1, _STRIP // (width * 12))
        for first in range(0, height, rows):
            yield range(first, min(first + rows, height))

    def read(self, rows: range, columns: range | None = None) -> Tensor:
        """Return a piece, (1, 3, rows, columns); indices beyond an edge go on at the other side."""
        columns = range(self.size[1]) if columns is None else columns
        found = np.empty((len(rows), len(columns), 3), np.float32)
        mapped = self._mapped("r")
        for here, there in _pieces(rows, columns, self.size):
            found[here] = mapped[there]
        return torch.from_numpy(found).permute(2, 0, 1)[None]

    def write(self, rows: range, values: Tensor) -> None:
        """Write whole rows, (1, 3, rows, width)."""
        self._mapped("r+")[rows.start : rows.stop] = _rows(values)

    def add(self, rows: range, columns: range, values: Tensor) -> None:
        """Add to a piece, (1, 3, rows, columns); indices beyond an edge go on at the other side."""
        mapped, added = self._mapped("r+"), _rows(values)
        for here, there in _pieces(rows, columns, self.size):
            mapped[there] += added[here]

    def _mapped(self, mode: str) -> NDArray[np.float32]:
        return np.memmap(self.path, np.float32, mode, shape=(*self.size, 3))  # type: ignore[call-overload]


def _rows(values: Tensor) -> NDArray[np.float32]:
    return values[0].permute(1, 2, 0).cpu().numpy()


def _pieces(
    rows: range, columns: range, size: tuple[int, int]
) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Yield where the parts of a piece are in it, and where they are in the picture."""
    for row, there_row in _runs(rows, size[0]):
        for column, there_column in _runs(columns, size[1]):
            yield (row, column), (there_row, there_column)


def _runs(indices: range, length: int) -> Iterator[tuple[slice, slice]]:
    at = 0
    while at < len(indices):
        first = (indices.start + at) % length
        count = min(length - first, len(indices) - at)
        yield slice(at, at + count), slice(first, first + count)
        at += count
