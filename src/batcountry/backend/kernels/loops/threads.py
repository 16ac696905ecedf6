"""Running a compiled loop on the threads that PyTorch computes with.

Threads of Numba's own would have to share the processor with PyTorch's, which go on spinning for a
while after each operation.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from numba import cfunc, njit, types

from batcountry.backend.kernels.loops.arguments import FLOATS, MOST, Arguments, next_index, numbers
from batcountry.backend.kernels.loops.cache import sign, swept

Team = Callable[[int, int, int], None]
"""Calls the function at an address, with an address, in so many threads at once."""


class Loop:
    """A loop whose turns are independent, compiled when it first runs.

    Parameters
    ----------
    body
        What each thread calls, with `Arguments`. It takes its turns with `turn` until there is none left.
    elements
        Numba's types of what is in the arrays whose addresses are its first arguments.
    """

    compiled: ClassVar[int] = 0
    """How many this process has compiled, rather than read from the cache."""

    def __init__(self, body: Callable[[Any], None], elements: Sequence[Any]) -> None:
        self._body = body
        self._elements = elements

    def __call__(self, turns: int, *arguments: int) -> None:
        """Run all turns; what lies at addresses among the arguments must stay until it returns."""
        given = np.zeros(MOST, np.int64)
        given[1 : 2 + len(arguments)] = turns, *arguments
        threads = min(torch.get_num_threads(), turns)
        if threads > 0:
            _team()(self._compiled.address, given.ctypes.data, threads)

    def compile(self) -> None:
        """Compile it now rather than when it first runs."""
        _ = self._compiled

    @cached_property
    def _compiled(self) -> Any:
        signature = types.void(Arguments(self._elements))
        options: dict[str, Any] = {"nopython": True, "error_model": "numpy", "fastmath": {"contract"}}
        is_cached = swept(self._body)
        try:
            compiled = cfunc(signature, cache=is_cached, **options)(self._body)
        except Exception:
            # Of any kind: no place for the cache, no room, or what this Numba cannot read in it.
            if not is_cached:
                raise
            is_cached, compiled = False, cfunc(signature, **options)(self._body)
        if is_cached and not compiled.cache_hits:
            sign(self._body)
        Loop.compiled += not compiled.cache_hits
        return compiled


def loops_of(body: Callable[[Any], None], *elements: Any) -> dict[str, Loop]:
    """Return the loops of a body, by the name of the type of numbers that each is for.

    Parameters
    ----------
    elements
        What is in each array: a type of Numba's, or one for each type of numbers, as `FLOATS` has them.
    """
    return {
        name: Loop(body, [each[name] if isinstance(each, dict) else each for each in elements])
        for name in FLOATS
    }


@njit(inline="always")
def turn(arguments: Any) -> int:
    """Return the next turn that no thread has taken yet, or -1."""
    given = numbers(arguments)
    found = next_index(given)
    return found if found < given[1] else -1


@njit(inline="always")
def seat(arguments: Any) -> int:
    """Return which of the threads this is, from 0 on; to be asked once by each."""
    return next_index(numbers(arguments)[MOST - 1 :])


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
