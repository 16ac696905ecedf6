"""Vectors of a pixel's channels, which may end before a vector does."""

import numpy as np
from numba import njit

from batcountry.backend.kernels.loops.simd import all_of, lanes_of, load, load_some, store, store_some


@njit(inline="always")
def part(array, at, count):
    """Return a vector's numbers of an array, of which `count` are left; zeros behind the last."""
    return load(array, at) if count >= lanes_of(array) else load_some(array, at, count)


@njit(inline="always")
def put(array, at, value, count):
    """Write a vector's numbers, or the first `count` if there are fewer."""
    if count >= len(value):
        store(array, at, value)
    else:
        store_some(array, at, value, count)


@njit(inline="always")
def number(bits):
    """Return a vector of one number, whose bits as a float64 are a loop's argument."""
    return all_of(np.float32(np.int64(bits).view(np.float64)))
