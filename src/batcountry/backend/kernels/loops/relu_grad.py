"""The gradient of a ReLU, written to a part of the channels of a channels-last array."""

from numba import njit

from batcountry.backend.kernels.loops.dtypes import int16s, int32s
from batcountry.backend.kernels.loops.simd import bits_of, larger, load, load_some, store, store_some, where
from batcountry.backend.kernels.loops.threads import Loop, told, turn


@njit
def _mask(a, y, grad, out):
    """Pass on what is beside numbers above 0 and below a limit, whose bits come as the last argument."""
    pixels, channels, grad_pitch, out_pitch = a[5], a[6], a[7], a[8]
    zero, limit = bits_of(y, 0), bits_of(y, a[9])
    lanes = len(zero)
    row = turn(a)
    while row >= 0:
        for pixel in range(row * pixels, (row + 1) * pixels):
            for c in range(0, channels, lanes):
                count = channels - c
                if count >= lanes:
                    value, above = load(y, pixel * channels + c), load(grad, pixel * grad_pitch + c)
                else:
                    value = load_some(y, pixel * channels + c, count)
                    above = load_some(grad, pixel * grad_pitch + c, count)
                passed = where(larger(value, zero), where(larger(limit, value), above, zero), zero)
                if count >= lanes:
                    store(out, pixel * out_pitch + c, passed)
                else:
                    store_some(out, pixel * out_pitch + c, passed, count)
        row = turn(a)


def _mask_float32(pointer):
    a = told(pointer)
    _mask(a, int32s(a[2]), int32s(a[3]), int32s(a[4]))


def _mask_bfloat16(pointer):
    a = told(pointer)
    _mask(a, int16s(a[2]), int16s(a[3]), int16s(a[4]))


mask = {"float32": Loop(_mask_float32), "bfloat16": Loop(_mask_bfloat16)}
