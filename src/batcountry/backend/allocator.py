"""Keeping freed memory for the next step.

Each step of a dream makes the same large tensors. glibc gives blocks of more than 32 MB back to the
system at once, and the next step pays for every page anew: an eighth of the time of a large dream.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psutil

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # of mallopt, in glibc's malloc.h
_NEVER = -1

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_DONT_NEED = 4  # of madvise, on Linux
_LEAST = 8 << 20  # bytes that are given back, so that it is not called for at once again
_LEAST_BLOCK, _MOST_BLOCKS, _TRIES = 1 << 19, 60, 4  # of what is given back
_SHORT = 0.1  # of what is to be given back, how much may be missing

_lock = threading.Lock()
_users = 0


@contextmanager
def kept_memory() -> Iterator[None]:
    """Keep freed memory within this block, and give it back to the system at its end.

    Works with glibc on Linux; elsewhere it does nothing, nor where the environment tells glibc what to keep. It counts for
    the whole process, and may be nested and used from several threads. glibc does not say what it is set to; after
    the last block it is as it sets itself in a process that has freed large blocks, as any that computes has.
    """
    _change(1)
    try:
        yield
    finally:
        _change(-1)


def give_back() -> None:
    """Give freed memory that is kept back to the system now.

    To be called between steps whose tensors are of other sizes, since what was freed in one size is
    cut up by the next.
    """
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def give_back_some(count: int) -> None:
    """Give about `count` bytes of freed memory back to the system now, and keep the rest.

    What is given back costs time when it is needed again, so it is no more than that where freed blocks are so large. If
    they are not, all that is freed is given back.
    """
    libc = _glibc()
    if libc is None:
        return
    count = max(count, _LEAST)
    goal, size, misses = resident_memory() - count, count, 0
    blocks: list[int] = []
    try:
        while size >= _LEAST_BLOCK and len(blocks) < _MOST_BLOCKS and resident_memory() > goal:
            before, block = resident_memory(), libc.malloc(size + _PAGE)
            if not block:
                break
            blocks.append(block)
            libc.madvise(-(-block // _PAGE) * _PAGE, size // _PAGE * _PAGE, _DONT_NEED)
            if resident_memory() > before - size // 2:  # it is new, or was given back before
                misses += 1
                size = size // 2 if misses % _TRIES == 0 else size
    finally:
        for block in blocks:
            libc.free(block)
    if resident_memory() > goal + count * _SHORT:
        give_back()


def resident_memory() -> int:
    """Return the bytes of memory that this process has."""
    if sys.platform != "linux":
        return int(psutil.Process().memory_info().rss)
    # It is asked within each step, and psutil takes ten times as long.
    file = os.open("/proc/self/statm", os.O_RDONLY)
    try:
        return int(os.read(file, 128).split()[1]) * _PAGE
    finally:
        os.close(file)


def peak_memory() -> int:
    """Return the most bytes of memory that this process ever had; 0 where nobody says."""
    try:
        with Path("/proc/self/status").open(encoding="ascii", errors="replace") as file:
            lines = (line.split() for line in file)
            return next(int(line[1]) * 1024 for line in lines if line[:1] == ["VmHWM:"])
    except (OSError, StopIteration):
        return 0


def keeps_memory() -> bool:
    """Whether freed memory can be kept and given back here."""
    return _glibc() is not None and not _is_told()


def _change(by: int) -> None:
    global _users
    libc = _glibc()
    if libc is None or _is_told():
        return
    with _lock:
        before, _users = _users, _users + by
        if _users and not before:
            libc.mallopt(_MMAP_MAX, 0)
            libc.mallopt(_TRIM_THRESHOLD, _NEVER)
        elif before and not _users:
            # What glibc itself arrives at in a process that frees large blocks.
            libc.mallopt(_MMAP_MAX, 65_536)
            libc.mallopt(_MMAP_THRESHOLD, 32 << 20)
            libc.mallopt(_TRIM_THRESHOLD, 64 << 20)
            libc.malloc_trim(0)


@cache
def _is_told() -> bool:
    """Whether the environment tells glibc what to keep."""
    names = {"MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"}
    return bool(names & os.environ.keys()) or "glibc.malloc." in os.environ.get("GLIBC_TUNABLES", "")


@cache
def _glibc() -> Any:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    if not (hasattr(libc, "gnu_get_libc_version") and hasattr(libc, "mallopt")):
        return None
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return libc
