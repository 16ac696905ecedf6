"""Sizes of pictures that are shrunk or enlarged, which keep their shape."""

from __future__ import annotations


def scaled_to(size: tuple[int, int], shrunk: int | None, enlarged: int | None) -> tuple[int, int]:
    """Return the (width, height) of a picture whose longer side becomes at most or at least so many pixels."""
    if shrunk and max(size) > shrunk:
        size = scaled_size(size, shrunk)
    if enlarged and max(size) < enlarged:
        size = scaled_size(size, enlarged)
    return size


def scaled_size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Return a size in the same proportions whose longer side is `longest`."""
    scale = longest / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
