"""Things that are dear to make and are used by one at a time, kept for the next who needs such a one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST = 64


class Idle(Generic[T]):
    """Keeps what nobody uses at the moment, by what it depends on; what was not used for longest goes first.

    Parameters
    ----------
    most
        Bytes of what is kept.
    """

    def __init__(self, most: int = 8 << 30) -> None:
        self._most = most
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()

    def take(self, key: Hashable) -> T | None:
        """Return what was kept for a key, which is then the caller's alone; None if there is none."""
        with self._lock:
            found = self._kept.pop(key, None)
        return None if found is None else found[0]

    def put(self, key: Hashable, thing: T, size: int = 0) -> None:
        """Keep something of so many bytes; of two with one key the later one is kept."""
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = thing, size
            while len(self._kept) > _MOST or sum(each for _, each in self._kept.values()) > self._most:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)
