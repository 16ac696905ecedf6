"""Pictures on disk that a graphics card holds while it works on them: what is made is written to disk meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import Tensor

from batcountry.backend.transfers import Fetched, fetch, send
from batcountry.dreams.disk.canvas import Canvas, Surface, pieces, strips_of
from batcountry.optim.tiles import read_window

HELD_BYTES = 28
"""Bytes for each pixel of the picture, its gradient, and the gradient's coarser levels."""

_STRIP = 256 << 20
_WAITING = 2  # strips on their way to disk


class HeldCanvas:
    """A picture in the memory of a device; see `batcountry.dreams.disk.canvas.Canvas`.

    Attributes
    ----------
    size
        (height, width).
    """

    def __init__(self, size: tuple[int, int], device: torch.device) -> None:
        self.size = size
        self._pixels = torch.zeros(1, 3, *size, device=device)

    @classmethod
    def of(cls, canvas: Canvas, device: torch.device) -> HeldCanvas:
        """Return what a canvas has."""
        held = cls(canvas.size, device)
        for rows in canvas.strips():
            held.write(
                rows,
                send(canvas.read(rows)[0].permute(1, 2, 0).numpy(), device).tensor().permute(2, 0, 1)[None],
            )
        return held

    def blank(self) -> HeldCanvas:
        """Make it all zeros."""
        self._pixels.zero_()
        return self

    def strips(self, multiple: int = 1) -> Iterator[range]:
        """See `Canvas.strips`."""
        return strips_of(self.size, _STRIP, multiple)

    def read(self, rows: range, columns: range | None = None) -> Tensor:
        """See `Canvas.read`; it is the canvas's own memory, where nothing goes on at the other side."""
        return read_window(self._pixels, rows, range(self.size[1]) if columns is None else columns)

    def write(self, rows: range, values: Tensor) -> None:
        """See `Canvas.write`."""
        self._pixels[..., rows.start : rows.stop, :] = values

    def add(self, rows: range, columns: range, values: Tensor) -> None:
        """See `Canvas.add`."""
        for (row, column), (lines, places) in pieces(rows, columns, self.size):
            there = self._pixels[..., lines.start : lines.stop, places.start : places.stop]
            there.add_(values[..., row, column])


class HeldLevels:
    """The coarser levels of a gradient on a device; see `batcountry.dreams.disk.canvases.Canvases.level`."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def level(self, index: int, size: tuple[int, int]) -> HeldCanvas:  # noqa: ARG002
        """Return a new level."""
        return HeldCanvas(size, self._device)


class _Both:
    """A held canvas that is written to disk as it is written to."""

    def __init__(self, held: HeldCanvas, disk: Canvas, writer: ThreadPoolExecutor) -> None:
        self.size = held.size
        self._held, self._disk, self._writer = held, disk, writer
        self._waiting: deque[Future[None]] = deque()

    def write(self, rows: range, values: Tensor) -> None:
        """See `Canvas.write`; the disk is waited for only if it is strips behind."""
        self._held.write(rows, values)
        self.finish(_WAITING - 1)
        coming = fetch(values[0].permute(1, 2, 0).contiguous())
        self._waiting.append(self._writer.submit(self._pour, rows, coming))

    def finish(self, most: int = 0) -> None:
        """Wait until at most so many strips are on their way; raises what went wrong with one."""
        while len(self._waiting) > most:
            self._waiting.popleft().result()

    def _pour(self, rows: range, coming: Fetched) -> None:
        self._disk.write(rows, torch.from_numpy(coming.array()).permute(2, 0, 1)[None])


@contextmanager
def written_through(held: HeldCanvas, disk: Canvas) -> Iterator[Surface]:
    """Give what writes to both; at the end all of it is on disk."""
    with ThreadPoolExecutor(1, "strips") as writer:
        both = _Both(held, disk, writer)
        try:
            yield both
            both.finish()
        finally:
            writer.shutdown(cancel_futures=True)
