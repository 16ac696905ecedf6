"""Numbers in memory as float32 or bfloat16, which Numba knows as 16 bits only, as their bits, and pointers to them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import carray, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

_ALL = 1 << 40
"""More than any array holds; bounds are the loops' own affair."""


@intrinsic
def _pointer(typing: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), generate


@intrinsic
def next_index(typing: Any, counter: Any) -> Any:
    """Return the first number of an int64 array and add 1 to it, as one operation for all threads."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, values[0])
        return builder.atomic_rmw("add", array.data, context.get_constant(types.int64, 1), "monotonic")

    return types.int64(counter), generate


@njit(inline="always")
def float32s(address: int) -> Any:
    """Return the float32 numbers at an address."""
    return carray(_pointer(address), _ALL, np.float32)


@njit(inline="always")
def bfloat16s(address: int) -> Any:
    """Return the bits of the bfloat16 numbers at an address."""
    return carray(_pointer(address), _ALL, np.uint16)


@njit(inline="always")
def uint8s(address: int) -> Any:
    """Return the bytes at an address."""
    return carray(_pointer(address), _ALL, np.uint8)


@njit(inline="always")
def int32s(address: int) -> Any:
    """Return the bits of the float32 numbers at an address, as signed numbers."""
    return carray(_pointer(address), _ALL, np.int32)


@njit(inline="always")
def int16s(address: int) -> Any:
    """Return the bits of the bfloat16 numbers at an address, as signed numbers."""
    return carray(_pointer(address), _ALL, np.int16)
