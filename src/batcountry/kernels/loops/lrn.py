"""Local response normalisation of channels-last numbers, a pixel after the other, for the exponent 3/4."""

import numpy as np
from numba import njit

from batcountry.kernels.loops.floats import bfloat16s, float32s
from batcountry.kernels.loops.lanes import (
    LANES,
    all_of,
    inverse_fourth_root,
    larger,
    load,
    load_some,
    store,
    store_some,
    where,
)
from batcountry.kernels.loops.team import Loop, told, turn


@njit(inline="always")
def _part(array, start, c, channels):
    """Return sixteen channels from c on, which may lie before the first and behind the last, of a pixel at `start`."""
    if c >= 0 and c + LANES <= channels:
        return load(array, start + c)
    return load_some(array, start + c, -c, channels - c)


@njit(inline="always")
def _put(array, start, c, channels, value):
    if c + LANES <= channels:
        store(array, start + c, value)
    else:
        store_some(array, start + c, value, channels - c)


@njit(inline="always")
def _scale(x, start, c, channels, half, alpha, k):
    """Return k + alpha · Σ x² over the channels around each."""
    total = all_of(np.float32(0))
    for shift in range(-half, half + 1):
        value = _part(x, start, c + shift, channels)
        total = total + value * value
    return total * alpha + k


@njit
def _forward(a, x, y):
    pixels, channels, half = a[5], a[6], a[7]
    alpha, k = (
        all_of(np.float32(np.int64(a[8]).view(np.float64))),
        all_of(np.float32(np.int64(a[9]).view(np.float64))),
    )
    row = turn(a)
    while row >= 0:
        for start in range(row * pixels * channels, (row + 1) * pixels * channels, channels):
            for c in range(0, channels, LANES):
                inverse = inverse_fourth_root(_scale(x, start, c, channels, half, alpha, k))
                value = _part(x, start, c, channels) * (inverse * inverse * inverse)
                _put(y, start, c, channels, value)
        row = turn(a)


@njit
def _backward(a, x, grad, out):
    pixels, channels, half = a[5], a[6], a[7]
    alpha, k = (
        all_of(np.float32(np.int64(a[8]).view(np.float64))),
        all_of(np.float32(np.int64(a[9]).view(np.float64))),
    )
    zero = all_of(np.float32(0))
    factor = all_of(np.float32(1.5)) * alpha
    spread = np.zeros(channels + LANES, np.float32)
    direct = np.zeros(channels + LANES, np.float32)
    row = turn(a)
    while row >= 0:
        for start in range(row * pixels * channels, (row + 1) * pixels * channels, channels):
            for c in range(0, channels, LANES):
                inverse = inverse_fourth_root(_scale(x, start, c, channels, half, alpha, k))
                square = inverse * inverse
                part = _part(grad, start, c, channels) * (square * inverse)
                store(direct, c, part)
                store(spread, c, part * _part(x, start, c, channels) * (square * square))
            for c in range(0, channels, LANES):
                total = all_of(np.float32(0))
                for shift in range(-half, half + 1):
                    total = total + _part(spread, 0, c + shift, channels)
                here = _part(x, start, c, channels)
                value = load(direct, c) - factor * total * here
                if a[10]:
                    value = where(larger(here, zero), value, zero)
                _put(out, start, c, channels, value)
        row = turn(a)


def _forward_float32(pointer):
    a = told(pointer)
    _forward(a, float32s(a[2]), float32s(a[4]))


def _forward_bfloat16(pointer):
    a = told(pointer)
    _forward(a, bfloat16s(a[2]), bfloat16s(a[4]))


def _backward_float32(pointer):
    a = told(pointer)
    _backward(a, float32s(a[2]), float32s(a[3]), float32s(a[4]))


def _backward_bfloat16(pointer):
    a = told(pointer)
    _backward(a, bfloat16s(a[2]), bfloat16s(a[3]), bfloat16s(a[4]))


forward = {"float32": Loop(_forward_float32), "bfloat16": Loop(_forward_bfloat16)}
backward = {"float32": Loop(_backward_float32), "bfloat16": Loop(_backward_bfloat16)}
