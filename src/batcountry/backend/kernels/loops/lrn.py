"""Local response normalization of channels-last numbers, a pixel after the other, for the exponent 3/4."""

import numpy as np
from numba import njit

from batcountry.backend.kernels.loops.arguments import FLOATS, arrays, bits_in
from batcountry.backend.kernels.loops.channels import number, part, put
from batcountry.backend.kernels.loops.simd import (
    LANES,
    all_of,
    inverse_fourth_root,
    larger,
    load,
    store,
    where,
)
from batcountry.backend.kernels.loops.threads import loops_of, turn


@njit(inline="always")
def _around(values, c, half):
    """Return the sums over windows of sixteen channels from c on; channel 0 lies at `LANES`, between zeros."""
    total = load(values, LANES + c - half)
    for shift in range(1 - half, half + 1):
        total = total + load(values, LANES + c + shift)
    return total


@njit(inline="always")
def _settings(a):
    return a[5], a[6], a[7], number(a[8]), number(a[9])


@njit(inline="always")
def _steps(x):
    """Return how many of Newton's steps are as precise as the numbers are."""
    return 3 if bits_in(x) == 32 else 2


def _forward(a):
    x, _, y = arrays(a)
    steps = _steps(x)
    pixels, channels, half, alpha, k = _settings(a)
    squares = np.zeros(channels + 3 * LANES, np.float32)
    row = turn(a)
    while row >= 0:
        for start in range(row * pixels * channels, (row + 1) * pixels * channels, channels):
            for c in range(0, channels, LANES):
                value = part(x, start + c, channels - c)
                store(squares, LANES + c, value * value)
            for c in range(0, channels, LANES):
                inverse = inverse_fourth_root(_around(squares, c, half) * alpha + k, steps)
                value = part(x, start + c, channels - c) * (inverse * inverse * inverse)
                put(y, start + c, value, channels - c)
        row = turn(a)


def _backward(a):
    x, grad, out = arrays(a)
    steps = _steps(x)
    pixels, channels, half, alpha, k = _settings(a)
    zero = all_of(np.float32(0))
    factor = all_of(np.float32(1.5)) * alpha
    squares = np.zeros(channels + 3 * LANES, np.float32)
    spread, direct = np.zeros_like(squares), np.zeros_like(squares)
    row = turn(a)
    while row >= 0:
        for start in range(row * pixels * channels, (row + 1) * pixels * channels, channels):
            for c in range(0, channels, LANES):
                value = part(x, start + c, channels - c)
                store(squares, LANES + c, value * value)
            for c in range(0, channels, LANES):
                inverse = inverse_fourth_root(_around(squares, c, half) * alpha + k, steps)
                square = inverse * inverse
                mine = part(grad, start + c, channels - c) * (square * inverse)
                store(direct, c, mine)
                store(spread, LANES + c, mine * part(x, start + c, channels - c) * (square * square))
            for c in range(0, channels, LANES):
                here = part(x, start + c, channels - c)
                value = load(direct, c) - factor * _around(spread, c, half) * here
                if a[10]:
                    value = where(larger(here, zero), value, zero)
                put(out, start + c, value, channels - c)
        row = turn(a)


forward = loops_of(_forward, FLOATS, FLOATS, FLOATS)
backward = loops_of(_backward, FLOATS, FLOATS, FLOATS)
