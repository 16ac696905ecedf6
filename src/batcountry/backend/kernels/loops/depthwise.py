"""Convolutions of each channel by itself with a stride, and their gradients, of channels-last numbers."""

import numpy as np
from numba import njit, types

from batcountry.backend.kernels.loops.arguments import FLOATS, arrays
from batcountry.backend.kernels.loops.channels import number, part, put
from batcountry.backend.kernels.loops.pool_windows import moved_on, windows_over
from batcountry.backend.kernels.loops.simd import LANES, all_of, clamped
from batcountry.backend.kernels.loops.threads import loops_of, turn

# Arguments: four addresses; rows, columns and channels of the input, rows and columns of the result, those of the kernel, the
# stride, padding above and on the left; the least and the largest result as bits of float64.


@njit(inline="always")
def _sizes(a):
    return a[6], a[7], a[8], a[9], a[10]


@njit(inline="always")
def _window(a):
    return a[11], a[12], a[13], a[14], a[15]


def _forward(a):
    x, weights, bias, y = arrays(a)
    rows, columns, channels, up, across = _sizes(a)
    kernel_rows, kernel_columns, stride, top, left = _window(a)
    least, most = number(a[16]), number(a[17])
    row = turn(a)
    while row >= 0:
        image, i = row // up, row % up
        first_r = i * stride - top
        for j in range(across):
            first_s, to = j * stride - left, (row * across + j) * channels
            from_r, end_r = max(first_r, 0), min(first_r + kernel_rows, rows)
            from_s, end_s = max(first_s, 0), min(first_s + kernel_columns, columns)
            for c in range(0, channels, LANES):
                count = channels - c
                total = part(bias, c, count)
                for r in range(from_r, end_r):
                    at = ((image * rows + r) * columns + from_s) * channels + c
                    tap = ((r - first_r) * kernel_columns + from_s - first_s) * channels + c
                    for _ in range(from_s, end_s):
                        total = total + part(x, at, count) * part(weights, tap, count)
                        at += channels
                        tap += channels
                put(y, to + c, clamped(total, least, most), count)
        row = turn(a)


def _backward(a):
    grad, weights, _, out = arrays(a)
    rows, columns, channels, up, across = _sizes(a)
    kernel_rows, kernel_columns, stride, top, left = _window(a)
    row = turn(a)
    while row >= 0:
        image, r = row // rows, row % rows
        first_i, end_i = windows_over(r + top, kernel_rows, stride, up)
        first_j = end_j = 0
        for s in range(columns):
            first_j, end_j = moved_on(first_j, end_j, s + left, kernel_columns, stride, across)
            to = (row * columns + s) * channels
            # Two vectors side by side, as sums of so few have to wait for the one before.
            for c in range(0, channels, 2 * LANES):
                count = channels - c
                total = other_total = all_of(np.float32(0))
                for i in range(first_i, end_i):
                    at = ((image * up + i) * across + first_j) * channels + c
                    place = (r - i * stride + top) * kernel_columns + s + left - first_j * stride
                    tap = place * channels + c
                    for _ in range(first_j, end_j):
                        total = total + part(grad, at, count) * part(weights, tap, count)
                        other = part(grad, at + LANES, count - LANES)
                        other_total = other_total + other * part(weights, tap + LANES, count - LANES)
                        at += channels
                        tap -= stride * channels
                put(out, to + c, total, count)
                put(out, to + c + LANES, other_total, count - LANES)
        row = turn(a)


forward = loops_of(_forward, FLOATS, types.float32, types.float32, FLOATS)
backward = loops_of(_backward, FLOATS, types.float32, types.float32, FLOATS)
