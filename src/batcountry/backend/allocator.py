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
from typing import Any

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4  # of mallopt, in glibc's malloc.h
_NEVER = -1

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
    return libc if hasattr(libc, "gnu_get_libc_version") and hasattr(libc, "mallopt") else None
