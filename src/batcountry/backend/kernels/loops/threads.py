"""Running a compiled loop on the threads that PyTorch computes with.

Threads of Numba's own would have to share the processor with PyTorch's, which go on spinning for a
while after each operation.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from numba import carray, cfunc, njit, types

from batcountry.backend.kernels.loops.dtypes import next_index

_NUMBERS = 24

Team = Callable[[int, int, int], None]
"""Calls the function at an address, with an address, in so many threads at once."""


class Loop:
    """A loop whose turns are independent, compiled when it first runs.

    Parameters
    ----------
    body
        What each thread calls, with a pointer for `told`. It takes its turns with `turn` until
        there is none left.
    """

    compiled: ClassVar[int] = 0
    """How many this process has compiled, rather than read from the cache."""

    def __init__(self, body: Callable[[Any], None]) -> None:
        self._body = body

    def __call__(self, turns: int, *arguments: int) -> None:
        """Run all turns; what lies at addresses among the arguments must stay until it returns."""
        numbers = np.zeros(_NUMBERS, np.int64)
        numbers[1 : 2 + len(arguments)] = turns, *arguments
        threads = min(torch.get_num_threads(), turns)
        if threads > 0:
            _team()(self._compiled.address, numbers.ctypes.data, threads)

    def compile(self) -> None:
        """Compile it now rather than when it first runs."""
        _ = self._compiled

    @cached_property
    def _compiled(self) -> Any:
        signature = types.void(types.CPointer(types.int64))
        options: dict[str, Any] = {"nopython": True, "error_model": "numpy", "fastmath": {"contract"}}
        try:
            found = cfunc(signature, cache=True, **options)(self._body)
        except RuntimeError:  # there is no place for the cache that can be written to
            found = cfunc(signature, **options)(self._body)
        Loop.compiled += not found.cache_hits
        return found


@njit(inline="always")
def told(pointer: Any) -> Any:
    """Return what a loop was told: a counter, the number of turns, and its arguments."""
    return carray(pointer, _NUMBERS)


@njit(inline="always")
def turn(numbers: Any) -> int:
    """Return the next turn that no thread has taken yet, or -1."""
    found = next_index(numbers)
    return found if found < numbers[1] else -1


@njit(inline="always")
def seat(numbers: Any) -> int:
    """Return which of the threads this is, from 0 on; to be asked once by each."""
    return next_index(numbers[_NUMBERS - 1 :])


@cache
def _team() -> Team:
    try:
        # PyTorch's own OpenMP, which is loaded already, by the entry that compilers call for a parallel block.
        parallel = ctypes.CDLL("libgomp.so.1").GOMP_parallel
    except (OSError, AttributeError):
        return _plain_threads
    parallel.argtypes = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint
    parallel.restype = None
    return lambda function, data, threads: parallel(function, data, threads, 0)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="batcountry")


def _plain_threads(function: int, data: int, threads: int) -> None:
    run = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(function)
    others = [_pool().submit(run, data) for _ in range(threads - 1)]
    run(data)
    for each in others:
        each.result()
