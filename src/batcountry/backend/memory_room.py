"""How much memory the process may have in all, for whoever is about to take a lot of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

from batcountry.backend.devices import free_memory, used_memory
from batcountry.recipe.units import parsed_bytes

_allowed: ContextVar[str | None] = ContextVar("allowed memory", default=None)
_CPU = torch.device("cpu")


@contextmanager
def allowed_memory(text: str | None) -> Iterator[None]:
    """Let the process have as much as a text such as `2GB` says within this block; with None, what there is."""
    token = _allowed.set(text)
    try:
        yield
    finally:
        _allowed.reset(token)


def budget(text: str | None, device: torch.device) -> int:
    """Return the bytes that the process may have in all: what a text says, or what it has and three quarters of what is free."""
    if text is not None:
        return parsed_bytes(text)
    return used_memory(device) + free_memory(device) * 3 // 4


def memory_room() -> int:
    """Return the bytes that the process may take besides what it has, 0 or more."""
    return max(0, budget(_allowed.get(), _CPU) - used_memory(_CPU))


def room_shown() -> str:
    """Return what `memory_room` is and why, for a sentence: `5 MB of 600MB are left beside the 595 MB of the program`."""
    allowed = _allowed.get()
    left = f"{memory_room() / 1e6:,.0f} MB"
    if allowed is None:
        return f"{left} may be taken"
    return f"{left} of {allowed} are left beside the {used_memory(_CPU) / 1e6:,.0f} MB of the program"
