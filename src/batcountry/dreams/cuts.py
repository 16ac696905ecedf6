"""The ways to work a gradient out within the memory that there is: the whole picture at once, or in tiles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from batcountry.dreams.costs import Cost, Size
from batcountry.errors import RecipeError
from batcountry.image.periodic import Wrap
from batcountry.models.model import Model
from batcountry.objectives.base import Objective
from batcountry.optim.tiles import Halo, Seen

SPARE = 1.15
"""What the network is given at least, of what it has in use at once: with less, memory is given back and taken all the time."""

OVER = 0.06
"""By how much the network goes over what it is kept to, of that."""

# What is kept grows by chance from step to step: by how much in a long dream, of what the network takes, and of all else, so that
# dreams on small pictures, of which the program is the most, never wait for memory.
_GROWS, _EASE = 0.12, 0.2
_SLOWER = 1.0  # how much longer it takes with the least
_LARGEST_SIDE = 4096


@dataclass(frozen=True)
class Cut:
    """A way to work the gradient out.

    Attributes
    ----------
    side
        Of a tile's core in pixels; None for the whole picture at once.
    seen
        What the network sees of each octave, smallest first.
    cost
        What the gradient of a pixel costs.
    beside
        Bytes of all else while the network runs.
    room
        Bytes that the network may have.
    iterations
        How often each octave is worked out.
    """

    side: int | None
    seen: list[Seen]
    cost: Cost
    beside: float
    room: float
    iterations: int

    @property
    def needed(self) -> float:
        """Bytes with which it can be worked out at all."""
        return self.cost.least * (SPARE if self.cost.grows else 1.0) * self._window

    @property
    def usual(self) -> float:
        """Bytes that it takes if it may; once over, it is no use to keep what is freed."""
        rows, columns = self.tiles
        if not self.cost.grows:
            return self.cost.usual * self._window
        if rows * columns * self.iterations == 1:
            return self.cost.once * self._window
        grown = 1 - (rows * columns * self.iterations * len(self.seen)) ** -0.25
        network = self.cost.usual * self._window * (1 + _GROWS * grown)
        return network + _EASE * grown * self.beside

    @property
    def bytes(self) -> float:
        """What the network is kept to."""
        return max(min(self.usual, self.room / (1 + OVER)), self.needed)

    @property
    def keeps_all(self) -> bool:
        """Whether what is freed can be kept from one time to the next."""
        return self.bytes >= max(self.usual, self.cost.usual * self._window)

    @property
    def fits(self) -> bool:
        """Whether there is memory for it."""
        return self.bytes * (1 + OVER) <= self.room

    @property
    def work(self) -> float:
        """Pixels that the network sees in all octaves and iterations; more the less memory there is, as that takes longer."""
        lack = (self.usual - self.bytes) / (self.usual - self.needed) if self.usual > self.needed else 0.0
        return sum(octave.total for octave in self.seen) * self.iterations * (1 + _SLOWER * lack)

    @property
    def tiles(self) -> tuple[int, int]:
        """Rows and columns of tiles in the largest octave."""
        return self.seen[-1].rows, self.seen[-1].columns

    @property
    def _window(self) -> int:
        return self.seen[-1].window


@dataclass(frozen=True)
class Cutting:
    """What is to be worked out, of which there are several ways.

    Attributes
    ----------
    sizes
        (height, width) of the octaves, smallest first.
    cost, beside, room, iterations
        See `Cut`.
    """

    model: Model
    objective: Objective
    sizes: list[Size]
    wrap: Wrap
    cost: Cost
    beside: float
    room: float
    iterations: int

    def whole(self) -> Cut:
        """Return the way with no tiles."""
        if any(self.wrap):
            return self._cut(None)
        seen = [Seen(1, 1, height * width, height * width) for height, width in self.sizes]
        return Cut(None, seen, self.cost, self.beside, self.room, self.iterations)

    def tiled(self, side: int) -> Cut:
        """Return the way in tiles of a side; raises `RecipeError` if there can be none."""
        return self._cut(side)

    def quickest(self) -> Cut | None:
        """Return the way that is expected to take least time of those that fit, or None if none does.

        Raises
        ------
        RecipeError
            If only tiles would fit, and there can be none.
        """
        whole = self.whole()
        if whole.fits and whole.bytes >= whole.usual:
            return whole
        try:
            halo = self._halo
        except RecipeError:
            if whole.fits:
                return whole
            raise
        ways = [whole] if whole.fits else []
        for pixel_bytes in (self.cost.usual, self.cost.least * SPARE):
            window = min(self.room / (1 + OVER) / pixel_bytes, _LARGEST_SIDE**2)
            side = halo.side(window) if window > 0 else None
            if side is not None:
                ways.append(self._cut(side))
        return min(ways, key=lambda cut: cut.work, default=None)

    def least(self) -> float:
        """Return the bytes that the network needs for the smallest tiles; raises `RecipeError` if there can be none."""
        return self.cost.least * SPARE * (1 + OVER) * self._halo.largest(self._halo.grid)

    @cached_property
    def _halo(self) -> Halo:
        """What tiles see beside their cores; raises `RecipeError` if there can be no tiles."""
        return Halo.of(self.model, self.objective)

    def _cut(self, side: int | None) -> Cut:
        seen = [self._halo.seen(size, side, self.wrap) for size in self.sizes]
        return Cut(side, seen, self.cost, self.beside, self.room, self.iterations)
