"""Keeping to an amount of memory while a gradient is worked out.

Freed memory that is kept (`batcountry.backend.allocator`) is cut up, so that a step takes from 1.4 to 2.2 times what it has
in use at once; how much depends on chance. Here the network is watched at each tensor that is saved for the
backward pass: before memory would grow beyond a limit, as much as is needed of what is kept is given back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from batcountry.backend.allocator import give_back, give_back_some, resident_memory

_LOOSER = 1.05


class Growth(NamedTuple):
    """What a gradient takes.

    Attributes
    ----------
    peak
        Most bytes that it has in use at once.
    rises
        How many bytes it takes from one saved tensor to the next, there and back.
    """

    peak: int
    rises: tuple[int, ...]


def measured_growth(work: Callable[[], object]) -> Growth:
    """Work a gradient out, and return what it takes. To be called while freed memory is kept."""
    give_back()
    first = last = resident_memory()
    peak, rises = 0, []

    def mark(tensor: Tensor) -> Tensor:
        nonlocal last, peak
        now = resident_memory()
        rises.append(max(0, now - last))
        peak = max(peak, now - first)
        give_back()
        last = resident_memory()
        return tensor

    with saved_tensors_hooks(mark, mark):
        work()
    now = resident_memory()
    return Growth(max(peak, now - first), (*rises, max(0, now - last)))


@dataclass(frozen=True)
class MemoryLimit:
    """What the process may have while a gradient is worked out.

    Attributes
    ----------
    ceiling
        Bytes of memory of the whole process.
    rises
        Of `Growth`, for each pixel.
    after
        Bytes that are needed after it, before the next.
    """

    ceiling: int
    rises: Sequence[float] = ()
    after: int = 0

    def make_room(self, count: int) -> None:
        """Give back what is in the way of so many bytes."""
        excess = resident_memory() + count - self.ceiling
        if count and excess > 0:
            give_back_some(excess)

    @contextmanager
    def over(self, pixels: int) -> Iterator[None]:
        """Keep to it within this block, in which one gradient of so many pixels is worked out."""
        if self.rises and resident_memory() + pixels * sum(self.rises) <= self.ceiling:
            yield  # whatever is kept, there is room for all
            return
        at, ceiling, largest = 0, float(self.ceiling), max(self.rises, default=0.0)
        most = float("inf")  # bytes that there can be by now, as far as is known without looking

        def look(tensor: Tensor) -> Tensor:
            nonlocal at, ceiling, most
            at += 1
            rise = pixels * (self.rises[at] if at < len(self.rises) else largest)
            if most + rise > ceiling:
                most = resident_memory()
                if most + rise > ceiling:
                    give_back_some(int(most + rise - ceiling))
                    most = resident_memory()
                    if most + rise > ceiling * _LOOSER:  # others have the memory: looking on only takes time
                        ceiling = (most + rise) * _LOOSER
            most += rise
            return tensor

        with saved_tensors_hooks(look, look):
            yield
