"""How many threads compute: no more than the processors that this process may keep busy."""

from __future__ import annotations

import math
import os
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import cache, wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import psutil
import torch

P = ParamSpec("P")
T = TypeVar("T")

CGROUPS = Path("/sys/fs/cgroup")
"""Where Linux says what a container may use."""


_lock = threading.Lock()
_open: Counter[int] = Counter()
"""How many blocks of `limited_threads` are open, by the number of threads that they compute with."""
_usual = 0
_here = threading.local()


@contextmanager
def limited_threads(threads: int | None = None) -> Iterator[None]:
    """Have PyTorch compute with some number of threads in this block, and as before after it.

    May be nested, and open in several threads of Python's at once. Also a decorator for functions, with `limited_steps` for
    generators.

    Parameters
    ----------
    threads
        How many; by default `thread_limit()`, which in such a block is the number that this has.
    """
    threads = threads or thread_limit()
    before = _enter(threads)
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    try:
        yield
    finally:
        _leave(threads)
        if torch.get_num_threads() != before:
            torch.set_num_threads(before)


def _depth() -> int:
    """Return in how many blocks of `limited_threads` this thread of Python's is."""
    return getattr(_here, "depth", 0)


def _enter(threads: int) -> int:
    """Return the number of threads to be put back, counting a block as open."""
    global _usual
    with _lock:
        before = torch.get_num_threads()
        if not _open:
            _usual = before
        elif not _depth() and before in _open:
            # PyTorch counts for each thread of Python's: one that is new has its number from the last that was set.
            before = _usual
        _open[threads] += 1
    _here.depth = _depth() + 1
    return before


def _leave(threads: int) -> None:
    global _open
    _here.depth -= 1
    with _lock:
        _open -= Counter([threads])  # which leaves none that are zero


def limited_steps(function: Callable[P, Iterator[T]]) -> Callable[P, Iterator[T]]:
    """Have a generator compute with `thread_limit()` threads; between its steps the process has as many as before."""

    @wraps(function)
    def limited(*given: P.args, **named: P.kwargs) -> Iterator[T]:
        return with_threads(function(*given, **named))

    return limited


def with_threads(steps: Iterator[T], threads: int | None = None) -> Generator[T, None, None]:
    """Yield what an iterator does, which computes with some number of threads; see `limited_threads`."""
    try:
        while True:
            with limited_threads(threads):
                try:
                    step = next(steps)
                except StopIteration:
                    return
            yield step
    finally:
        if isinstance(steps, Generator):
            steps.close()


def can_compute_with(threads: int) -> bool:
    """Whether this machine can compute with so many threads in useful time: a few too many are slow, no more."""
    return threads <= max(8, 2 * usable_cpus())


def thread_limit() -> int:
    """Return the number of threads to compute with: no more than a container's quota has processors for.

    PyTorch starts a thread for each core of the machine, and threads beyond the quota stop each other.
    `OMP_NUM_THREADS`, `MKL_NUM_THREADS` and a number of threads that the caller chose stay as they are.
    """
    here = torch.get_num_threads()
    if _depth() or os.environ.keys() & {"OMP_NUM_THREADS", "MKL_NUM_THREADS"}:
        return here
    by_itself = {os.cpu_count(), _cores(), _affinity()}
    return min(here, usable_cpus()) if here in by_itself else here


def usable_cpus(groups: Path = CGROUPS) -> int:
    """Return how many processors this process may keep busy, at least 1: by its affinity and its container's quota.

    A quota of one and a half is two, since two threads finish sooner on it than one.
    """
    return math.ceil(min(cpu_quota(groups), _affinity()))


def cpu_quota(groups: Path = CGROUPS) -> float:
    """Return how many processors' time a container may take, as either version of control groups says it, or infinity."""
    with suppress(OSError, ValueError):  # `max` is no number, and means that there is no quota
        quota, period = (groups / "cpu.max").read_text().split()
        return int(quota) / int(period)
    with suppress(OSError, ValueError):
        quota, period = ((groups / "cpu" / f"cpu.cfs_{each}_us").read_text() for each in ("quota", "period"))
        if int(quota) > 0:
            return int(quota) / int(period)
    return math.inf


@cache
def _cores() -> int | None:
    return psutil.cpu_count(logical=False)  # which reads a file, and is asked in every step


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
