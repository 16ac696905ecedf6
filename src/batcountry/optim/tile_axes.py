"""How one axis of a picture is cut into tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from batcountry.models.model import Layer


@dataclass(frozen=True)
class Span:
    """A tile along one axis, in pixels: the core from `first` up to `last`, its window from `start` up to `stop`.

    A window may reach over the ends of a wrapped axis. `final` says that units beyond `last` belong to it too.
    """

    first: int
    last: int
    start: int
    stop: int
    final: bool

    @property
    def pixels(self) -> range:
        """The window's pixels."""
        return range(self.start, self.stop)

    def units(self, layer: Layer) -> slice:
        """Return which of the units that a layer makes of the window are the core's."""
        stride = layer.stride or 1
        end = None if self.final else -(-(self.last - self.start) // stride)
        return slice((self.first - self.start) // stride, end)

    def count(self, window_units: int, layer: Layer) -> int:
        """Return how many units a layer has along the axis, of the last span and what the layer makes of its window."""
        stride = layer.stride or 1
        return self.start // stride + window_units if self.final else -(-self.last // stride)


@dataclass(frozen=True)
class Axis:
    """How an axis is cut: cores of `step` pixels, and windows that begin `lead` before them."""

    length: int
    count: int
    step: int
    window: int
    lead: int
    wrap: bool

    @property
    def seen(self) -> int:
        """Pixels of all windows."""
        return self.count * self.window

    def spans(self) -> Iterator[Span]:
        """Yield the tiles along the axis, in order."""
        for index in range(self.count):
            first, final = index * self.step, index == self.count - 1
            start = first
            if self.wrap:
                start = first - self.lead
            else:
                first += self.lead if index else 0
                start = self.length - self.window if final else start
            last = self.length if final else (index + 1) * self.step + (0 if self.wrap else self.lead)
            yield Span(first, last, start, start + self.window, final and not self.wrap)
