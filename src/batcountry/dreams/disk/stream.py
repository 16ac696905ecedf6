"""Canvases handed to libvips row by row."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from batcountry.backend.allocator import give_back
from batcountry.dreams.disk.canvas import Canvas
from batcountry.image.vips import uncached, vips


def streamed(canvas: Canvas, *, brightness: float = 1.0) -> Any:
    """Open a canvas as 8-bit RGB that is read once, from top to bottom.

    libvips would map a whole file of raw numbers, which counts as the program's memory; so it is
    handed over row by row, as a PNG that is not compressed.
    """
    canvas.check()  # libvips only prints what is wrong later on
    waiting = bytearray()
    pieces = _stored_png(canvas, brightness)

    def read(count: int) -> bytes:
        while len(waiting) < count and (piece := next(pieces, b"")):
            waiting.extend(piece)
        found = bytes(waiting[:count])
        del waiting[:count]
        return found

    source = vips().SourceCustom()
    source.on_read(read)
    with uncached():
        return vips().Image.new_from_source(source, "", access="sequential").copy(interpretation="srgb")


def _stored_png(canvas: Canvas, brightness: float) -> Iterator[bytes]:
    """Yield a canvas as an 8-bit PNG without compression."""
    height, width = canvas.size
    yield b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    stored = zlib.compressobj(0)
    for rows in canvas.strips():
        values = (canvas.read(rows) * brightness).round_().clamp_(0, 255).to(torch.uint8)
        lines = np.zeros((len(rows), 1 + 3 * width), np.uint8)  # each starts with its filter: none
        lines[:, 1:] = values[0].permute(1, 2, 0).reshape(len(rows), -1).numpy()
        yield _chunk(b"IDAT", stored.compress(lines.tobytes()))
        give_back()  # of what libvips' threads freed meanwhile, which otherwise adds up to hundreds of megabytes
    yield _chunk(b"IDAT", stored.flush()) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
