"""Max pooling of channels-last numbers, with the places of the maxima as bytes."""

import numpy as np
from numba import types

from batcountry.backend.kernels.loops.arguments import BITS, FLOATS, arrays
from batcountry.backend.kernels.loops.channels import part, put
from batcountry.backend.kernels.loops.pool_windows import moved_on, windows_over
from batcountry.backend.kernels.loops.simd import (
    LANES,
    all_bytes,
    all_of,
    bits_of,
    larger,
    repeated_byte,
    same,
    where,
)
from batcountry.backend.kernels.loops.threads import loops_of, turn

# Arguments: three addresses, rows, columns and channels, rows and columns of windows, then of the
# windows the rows and columns, strides and padding.


def _forward(a):
    x, y, which = arrays(a)
    rows, columns, channels, up, across = a[5], a[6], a[7], a[8], a[9]
    row = turn(a)
    while row >= 0:
        image, i = row // up, row % up
        top = i * a[12] - a[14]
        first_row, end_row = max(top, 0), min(top + a[10], rows)
        for j in range(across):
            left = j * a[13] - a[15]
            first_column, end_column = max(left, 0), min(left + a[11], columns)
            first = ((image * rows + first_row) * columns + first_column) * channels
            first_place = np.uint8((first_row - top) * a[11] + first_column - left)
            # Two vectors side by side, as each maximum has to wait for the one before.
            for c in range(0, channels, 2 * LANES):
                d = c + LANES
                best, other_best = part(x, first + c, channels - c), part(x, first + d, channels - d)
                places, other_places = all_bytes(first_place), all_bytes(first_place)
                for r in range(first_row, end_row):
                    for s in range(first_column, end_column):
                        start = ((image * rows + r) * columns + s) * channels
                        place = all_bytes(np.uint8((r - top) * a[11] + s - left))
                        value, other = part(x, start + c, channels - c), part(x, start + d, channels - d)
                        found, other_found = larger(value, best), larger(other, other_best)
                        best, other_best = where(found, value, best), where(other_found, other, other_best)
                        places = where(found, place, places)
                        other_places = where(other_found, place, other_places)
                out = (row * across + j) * channels
                put(y, out + c, best, channels - c)
                put(y, out + d, other_best, channels - d)
                put(which, out + c, places, channels - c)
                put(which, out + d, other_places, channels - d)
        row = turn(a)


def _forward_above_zero(a):
    """Do the same for `relu(x)`, whose maxima of 0 are nowhere, by the bits of numbers."""
    x, y, which = arrays(a)
    rows, columns, channels, up, across = a[5], a[6], a[7], a[8], a[9]
    zero = bits_of(x, 0)
    nowhere, lanes = repeated_byte(zero, np.uint8(255)), len(zero)
    row = turn(a)
    while row >= 0:
        image, i = row // up, row % up
        top = i * a[12] - a[14]
        first_row, end_row = max(top, 0), min(top + a[10], rows)
        for j in range(across):
            left = j * a[13] - a[15]
            first_column, end_column = max(left, 0), min(left + a[11], columns)
            for c in range(0, channels, 2 * lanes):
                d = c + lanes
                best, other_best, places, other_places = zero, zero, nowhere, nowhere
                for r in range(first_row, end_row):
                    for s in range(first_column, end_column):
                        start = ((image * rows + r) * columns + s) * channels
                        place = repeated_byte(zero, np.uint8((r - top) * a[11] + s - left))
                        value, other = part(x, start + c, channels - c), part(x, start + d, channels - d)
                        found, other_found = larger(value, best), larger(other, other_best)
                        best, other_best = where(found, value, best), where(other_found, other, other_best)
                        places = where(found, place, places)
                        other_places = where(other_found, place, other_places)
                out = (row * across + j) * channels
                put(y, out + c, best, channels - c)
                put(y, out + d, other_best, channels - d)
                put(which, out + c, places, channels - c)
                put(which, out + d, other_places, channels - d)
        row = turn(a)


def _backward(a):
    out, grad, which = arrays(a)
    rows, columns, channels, up, across = a[5], a[6], a[7], a[8], a[9]
    kernel_rows, kernel_columns, stride_rows, stride_columns, top, left = (
        a[10],
        a[11],
        a[12],
        a[13],
        a[14],
        a[15],
    )
    zero = all_of(np.float32(0))
    row = turn(a)
    while row >= 0:
        image, r = row // rows, row % rows
        first_i, end_i = windows_over(r + top, kernel_rows, stride_rows, up)
        first_j = end_j = 0
        for s in range(columns):
            first_j, end_j = moved_on(first_j, end_j, s + left, kernel_columns, stride_columns, across)
            below = (row * columns + s) * channels
            for c in range(0, channels, 2 * LANES):
                d = c + LANES
                total, other_total = all_of(np.float32(0)), all_of(np.float32(0))
                for i in range(first_i, end_i):
                    places = (r - i * stride_rows + top) * kernel_columns + s + left
                    above = (image * up + i) * across
                    for j in range(first_j, end_j):
                        place = all_bytes(np.uint8(places - j * stride_columns))
                        start = (above + j) * channels
                        mine = same(part(which, start + c, channels - c), place)
                        total = total + where(mine, part(grad, start + c, channels - c), zero)
                        mine = same(part(which, start + d, channels - d), place)
                        other_total = other_total + where(mine, part(grad, start + d, channels - d), zero)
                put(out, below + c, total, channels - c)
                put(out, below + d, other_total, channels - d)
        row = turn(a)


forward = loops_of(_forward, FLOATS, FLOATS, types.uint8)
above_zero = loops_of(_forward_above_zero, BITS, BITS, types.uint8)
backward = loops_of(_backward, FLOATS, FLOATS, types.uint8)
