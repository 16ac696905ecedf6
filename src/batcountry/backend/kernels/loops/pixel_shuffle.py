"""Channels laid out as pixels: the end of a picture's gradient."""

from numba import njit

from batcountry.backend.kernels.loops.dtypes import bfloat16s, float32s
from batcountry.backend.kernels.loops.threads import Loop, told, turn


@njit
def _lay_out(a, spread, out):
    """Write rows of (N, C, H, W) from channels-last (N, rows, columns, C · stride²), a row a turn."""
    height, width, rows, columns, channels, stride, top, left = (
        a[4],
        a[5],
        a[6],
        a[7],
        a[8],
        a[9],
        a[10],
        a[11],
    )
    row = turn(a)
    while row >= 0:
        image, y = row // height, row % height
        i, dy = (y + top) // stride, (y + top) % stride
        for c in range(channels):
            base = (image * rows + i) * columns * channels * stride * stride + (c * stride + dy) * stride
            line = ((image * channels + c) * height + y) * width
            for dx in range(stride):
                first = (dx - left) % stride
                j = (first + left) // stride
                for x in range(first, width, stride):
                    inside = i < rows and j < columns
                    at = base + j * channels * stride * stride + dx if inside else 0
                    out[line + x] = spread[at] if inside else 0
                    j += 1
        row = turn(a)


def _lay_out_float32(pointer):
    a = told(pointer)
    _lay_out(a, float32s(a[2]), float32s(a[3]))


def _lay_out_bfloat16(pointer):
    a = told(pointer)
    _lay_out(a, bfloat16s(a[2]), bfloat16s(a[3]))


lay_out = {"float32": Loop(_lay_out_float32), "bfloat16": Loop(_lay_out_bfloat16)}
