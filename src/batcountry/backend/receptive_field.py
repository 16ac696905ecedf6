"""The arithmetic of receptive fields: which pixels of a picture the units of a layer depend on, along one axis."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm


@dataclass(frozen=True)
class Window:
    """Which units of its bottom one unit of a layer sees.

    Attributes
    ----------
    before, after
        How many it sees before and after its own position, in units of the bottom; of a layer with
        `upscale` in units of its own. Negative where it sees none there.
    stride
        Units of the bottom from one unit to the next.
    upscale
        How many units of its own it has for one of its bottom.
    even
        Whether the stride is the same along both axes.
    """

    before: int = 0
    after: int = 0
    stride: int = 1
    upscale: int = 1
    even: bool = True


@dataclass(frozen=True)
class ReceptiveField:
    """Which pixels the units of a layer see: unit j those from `j * stride - before` to `j * stride + after`.

    Attributes
    ----------
    stride
        Pixels between two units.
    before, after
        Pixels seen before and after a unit's own position.
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
        """How many pixels one unit sees."""
        return self.before + self.after + 1

    def through(self, window: Window) -> ReceptiveField:
        """Return that of a layer which reads this one through `window`."""
        before = self.before + -(-window.before * self.stride // window.upscale)
        after = self.after + window.after * self.stride // window.upscale
        steps, rest = divmod(self.stride * window.stride, window.upscale)
        stride = max(1, steps)
        grid = lcm(self.grid, stride) if self.grid and window.even and not rest else None
        return ReceptiveField(stride, before, after, grid)

    def joined(self, other: ReceptiveField) -> ReceptiveField:
        """Return that of units which read this layer and another."""
        grid = lcm(self.grid, other.grid) if self.grid and other.grid else None
        return ReceptiveField(
            max(self.stride, other.stride),
            max(self.before, other.before),
            max(self.after, other.after),
            grid if self.stride == other.stride else None,
        )


PIXEL = ReceptiveField(1, 0, 0, 1)
"""That of the picture's own pixels."""
