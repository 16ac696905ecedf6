"""What the units of a net's blobs see of its input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import lcm

from batcountry.caffe.graph import Node
from batcountry.caffe.layers.registry import Window


@dataclass(frozen=True)
class View:
    """Which pixels the units of a blob see: unit j those from `j * stride - before` to `j * stride + after`.

    Attributes
    ----------
    stride
        Pixels between two units.
    before, after
        Pixels seen before and after a unit's own place.
    grid
        By multiples of so many pixels a picture can be moved for its units to move with it; None
        if there is no such number.
    """

    stride: int
    before: int
    after: int
    grid: int | None

    @property
    def field(self) -> int:
        """Pixels that one unit sees along one axis: its receptive field."""
        return self.before + self.after + 1

    def through(self, window: Window) -> View:
        """Return what the units of a layer see that reads this blob through `window`."""
        before = self.before + -(-window.before * self.stride // window.upscale)
        after = self.after + window.after * self.stride // window.upscale
        steps, rest = divmod(self.stride * window.stride, window.upscale)
        stride = max(1, steps)
        grid = lcm(self.grid, stride) if self.grid and window.even and not rest else None
        return View(stride, before, after, grid)

    def beside(self, other: View) -> View:
        """Return what units see that read this blob and another."""
        grid = lcm(self.grid, other.grid) if self.grid and other.grid else None
        return View(
            max(self.stride, other.stride),
            max(self.before, other.before),
            max(self.after, other.after),
            grid if self.stride == other.stride else None,
        )


def views(nodes: Sequence[Node]) -> Mapping[str, View | None]:
    """Return what each layer's units see of the input; None for all of it."""
    blobs: dict[str, View | None] = {}
    found: dict[str, View | None] = {}
    for node in nodes:
        above = [blobs[each] for each in node.bottoms] or [View(1, 0, 0, 1)]
        window = node.kind.window(node.layer)
        seen = [each for each in above if each is not None]
        view = None if window is None or len(seen) < len(above) else reduce(View.beside, seen).through(window)
        found[node.name] = view
        blobs.update(dict.fromkeys(node.tops, view))
    return found
