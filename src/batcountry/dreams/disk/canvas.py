"""Pictures on disk: float32 numbers in rows, of which only a piece is in memory at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batcountry.errors import WorkDamaged

_STRIP = 16 << 20


class Surface(Protocol):
    """What rows of a picture are written to."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        ...

    def write(self, rows: range, values: Tensor) -> None:
        """Write whole rows; see `Canvas.write`."""
        ...


class Workable(Surface, Protocol):
    """A picture that is worked on piece by piece: a `Canvas`, or one that a device holds."""

    def blank(self) -> Workable:
        """Make it all zeros."""
        ...

    def strips(self, multiple: int = 1) -> Iterator[range]:
        """Yield ranges of rows; see `Canvas.strips`."""
        ...

    def read(self, rows: range, columns: range | None = None) -> Tensor:
        """Return a piece; see `Canvas.read`."""
        ...

    def add(self, rows: range, columns: range, values: Tensor) -> None:
        """Add to a piece; see `Canvas.add`."""
        ...


class Levels(Protocol):
    """Where the coarser levels of a gradient lie."""

    def level(self, index: int, size: tuple[int, int]) -> Workable:
        """Return the canvas of a level, (height, width)."""
        ...


@dataclass(frozen=True)
class Canvas:
    """A picture in a file of its own: height × width × 3 float32, RGB in gray levels, with no header.

    It is read and written row by row: pages of a mapping would count as the program's memory, and each costs more to
    map than to copy.
    """

    path: Path
    size: tuple[int, int]

    def blank(self) -> Canvas:
        """Make the file anew, all zeros; raises `OSError` if the disk has no room for all of it.

        What had the name before goes, and is not written through: it may be a link to another's file.
        """
        count = self.size[0] * self.size[1] * 12
        self.path.unlink(missing_ok=True)
        with self.path.open("xb") as file:
            file.truncate(count)
            # Room is taken now, so that a dream does not run out of it in the middle.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, count)
        return self

    def check(self) -> None:
        """Raise `WorkDamaged` if the file is missing or too short."""
        with self._opened("rb") as file:
            if file.seek(0, os.SEEK_END) < self.size[0] * self.size[1] * 12:
                raise _too_short(file)

    def strips(self, multiple: int = 1) -> Iterator[range]:
        """Yield ranges of rows that go from top to bottom, each of some megabytes and of a multiple of so many rows."""
        return strips_of(self.size, _STRIP, multiple)

    def read(self, rows: range, columns: range | None = None) -> Tensor:
        """Return a piece, (1, 3, rows, columns); indices beyond an edge go on at the other side.

        Raises `WorkDamaged` if the file is missing or too short.
        """
        columns = range(self.size[1]) if columns is None else columns
        found = np.empty((len(rows), len(columns), 3), np.float32)
        with self._opened("rb") as file:
            for values, place in self._runs(found, rows, columns):
                file.seek(place)
                _fill(values, file)
        return torch.from_numpy(found).permute(2, 0, 1)[None]

    def write(self, rows: range, values: Tensor) -> None:
        """Write whole rows, (1, 3, rows, width)."""
        self._write(rows, range(self.size[1]), values)

    def add(self, rows: range, columns: range, values: Tensor) -> None:
        """Add to a piece, (1, 3, rows, columns); indices beyond an edge go on at the other side."""
        step = max(1, _STRIP // (len(columns) * 12))
        # Piece by piece, as one that goes round more than once comes to the same pixels again.
        for (row, column), (lines, place) in pieces(rows, columns, self.size):
            part = values[:, :, row, column]
            for first in range(0, len(lines), step):
                some, added = lines[first : first + step], part[:, :, first : first + step]
                self._write(some, place, self.read(some, place) + added.cpu())

    def _write(self, rows: range, columns: range, values: Tensor) -> None:
        with self._opened("r+b") as file:
            for row, place in self._runs(_rows(values), rows, columns):
                file.seek(place)
                _pour(row, file)

    def _opened(self, mode: Literal["rb", "r+b"]) -> FileIO:
        try:
            return self.path.open(mode, buffering=0)
        except FileNotFoundError:
            raise WorkDamaged(f"{self.path} is missing; put it back, or start the dream anew") from None

    def _runs(
        self, values: NDArray[np.float32], rows: range, columns: range
    ) -> Iterator[tuple[NDArray[np.float32], int]]:
        """Yield the parts of a piece that lie together in the file, and where each begins."""
        for (row, column), (there_row, there_column) in pieces(rows, columns, self.size):
            part, width = values[row, column], self.size[1]
            first = (there_row.start * width + there_column.start) * 12
            if part.shape[1] == width == values.shape[1]:
                yield part, first
            else:
                yield from ((line, first + i * width * 12) for i, line in enumerate(part))


def _fill(values: NDArray[np.float32], file: FileIO) -> None:
    left = memoryview(values.data).cast("B")
    while left:
        count = file.readinto(left)
        if not count:
            raise _too_short(file)
        left = left[count:]


def _too_short(file: FileIO) -> WorkDamaged:
    return WorkDamaged(f"{file.name} is shorter than it should be; start the dream anew")


def _pour(values: NDArray[np.float32], file: FileIO) -> None:
    left = memoryview(values.data).cast("B")
    while left:
        left = left[file.write(left) :]


def _rows(values: Tensor) -> NDArray[np.float32]:
    return values[0].permute(1, 2, 0).contiguous().cpu().numpy()


def strips_of(size: tuple[int, int], most: int, multiple: int) -> Iterator[range]:
    """Yield ranges of rows that go from top to bottom, each of `most` bytes and of a multiple of so many rows."""
    height, width = size
    rows = max(1, most // (width * 12 * multiple)) * multiple
    for first in range(0, height, rows):
        yield range(first, min(first + rows, height))


def pieces(
    rows: range, columns: range, size: tuple[int, int]
) -> Iterator[tuple[tuple[slice, slice], tuple[range, range]]]:
    """Yield where the parts of a piece are in it, and where they are in the picture."""
    for row, there_row in _stretches(rows, size[0]):
        for column, there_column in _stretches(columns, size[1]):
            yield (row, column), (there_row, there_column)


def _stretches(indices: range, length: int) -> Iterator[tuple[slice, range]]:
    at = 0
    while at < len(indices):
        first = (indices.start + at) % length
        count = min(length - first, len(indices) - at)
        yield slice(at, at + count), range(first, first + count)
        at += count
