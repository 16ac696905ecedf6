"""The gradient of a ReLU, written to a part of the channels of a channels-last array."""

import numpy as np
from numba import njit

from batcountry.kernels.loops.floats import bfloat16s, float32s
from batcountry.kernels.loops.lanes import (
    LANES,
    all_of,
    larger,
    load,
    load_some,
    store,
    store_some,
    where,
)
from batcountry.kernels.loops.team import Loop, told, turn


@njit
def _mask(a, y, grad, out):
    pixels, channels, grad_pitch, out_pitch = a[5], a[6], a[7], a[8]
    zero, limit = all_of(np.float32(0)), all_of(np.float32(np.int64(a[9]).view(np.float64)))
    row = turn(a)
    while row >= 0:
        for pixel in range(row * pixels, (row + 1) * pixels):
            for c in range(0, channels, LANES):
                count = channels - c
                if count >= LANES:
                    value, above = load(y, pixel * channels + c), load(grad, pixel * grad_pitch + c)
                else:
                    value = load_some(y, pixel * channels + c, 0, count)
                    above = load_some(grad, pixel * grad_pitch + c, 0, count)
                passed = where(larger(value, zero), where(larger(limit, value), above, zero), zero)
                if count >= LANES:
                    store(out, pixel * out_pitch + c, passed)
                else:
                    store_some(out, pixel * out_pitch + c, passed, count)
        row = turn(a)


def _mask_float32(pointer):
    a = told(pointer)
    _mask(a, float32s(a[2]), float32s(a[3]), float32s(a[4]))


def _mask_bfloat16(pointer):
    a = told(pointer)
    _mask(a, bfloat16s(a[2]), bfloat16s(a[3]), bfloat16s(a[4]))


mask = {"float32": Loop(_mask_float32), "bfloat16": Loop(_mask_bfloat16)}
