"""The stages of a film side by side: frames are read and compared ahead of the dream, and stored behind it.

Decoders, flow and encoders work on the processor while a graphics card dreams. What is between two stages is bounded: who
is ahead waits. Where the processor dreams, it has all cores, and each stage waits for the one before.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

import torch

from batcountry.backend.devices import has_own_memory
from batcountry.backend.threads import usable_cpus

StageKind = Literal["in turn", "side by side"]

AHEAD, BEHIND = 3, 3
"""How many frames wait for the dream at most, and how many dreamed ones are not stored yet."""

_MOST_WORKERS = 4

_asked: ContextVar[StageKind | None] = ContextVar("batcountry_stage_kind", default=None)


def stage_kind(device: torch.device) -> StageKind:
    """Return how the stages of a film run whose dreams are made on a device, or as `stages_run` says."""
    return _asked.get() or ("in turn" if device.type == "cpu" else "side by side")


@contextmanager
def stages_run(kind: StageKind) -> Iterator[None]:
    """Have the films that begin in this block run their stages in a way of one's own, to compare and to measure."""
    token = _asked.set(kind)
    try:
        yield
    finally:
        _asked.reset(token)


def bytes_in_flight(device: torch.device) -> float:
    """Return the bytes for each pixel of a frame that the stages take beside a dream that they do not wait for."""
    if stage_kind(device) == "in turn":
        return 0.0
    # Ahead: levels, and on the device the frame and how it moved; behind: levels, and twice what the next frame depends on.
    held = AHEAD * (6 + 12 + 12) + BEHIND * (12 + 6 + 24)
    # What flow and encoder work with, measured; a graphics card has none of it in its own memory.
    return held + (0 if has_own_memory(device) else 150 * flow_workers())


def bytes_between(size: tuple[int, int]) -> int:
    """Return what reading, flow, carrying on and encoding take between two dreams on frames of (height, width); measured."""
    return 20_000_000 + 150 * size[0] * size[1]


def flow_workers() -> int:
    """Return how many pairs of frames are compared at once, where several can be: a core is left for each other stage."""
    return max(1, min(_MOST_WORKERS, usable_cpus() - 3))
