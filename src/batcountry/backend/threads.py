"""How many threads compute: no more than the processors that this process may keep busy."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import psutil
import torch

CGROUPS = Path("/sys/fs/cgroup")
"""Where Linux says what a container may use."""


@cache
def limit_threads() -> None:
    """Have PyTorch compute with no more threads than a container's quota has processors for, once in a process.

    PyTorch starts a thread for each core of the machine, and threads beyond the quota stop each other.
    `OMP_NUM_THREADS`, `MKL_NUM_THREADS` and a number of threads that the caller chose stay as they are.
    """
    if os.environ.keys() & {"OMP_NUM_THREADS", "MKL_NUM_THREADS"}:
        return
    by_itself = {os.cpu_count(), psutil.cpu_count(logical=False), _affinity()}
    if torch.get_num_threads() in by_itself and torch.get_num_threads() > (most := usable_cpus()):
        torch.set_num_threads(most)


@contextmanager
def thread_count(count: int | None) -> Iterator[None]:
    """Have PyTorch compute with so many threads, and put the number back in the end; None leaves it as it is."""
    before = torch.get_num_threads()
    if count is None or count == before:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
