"""Which of a network's layers dream well, and which to dream with if none is named.

What dreams well is what a whole part of the network gives, such as an inception module, a residual block or a convolution
with its ReLU, where a place stands for 8 to 32 pixels and still sees a part of the picture: GoogLeNet's `inception_4c/output`,
EfficientNet's `blocks.10`, VGG's `conv4_3`, ResNet's `layer3`. Outputs for classes, boxes and losses, gates, and what lies
inside a branch are none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2, sqrt

_FIRST_STAGE, _LAST_STAGE, _BEST_STAGE = 3, 5, 4
"""Halvings of the picture: strides of 8 to 32, and the best, 16."""

_DEEPEST = 0.9
"""Share of a network's layers with weights above which they are for its classes already, if nothing is halved after them."""

_WIDE = 16
"""Channels from which on a layer has more than a few things to show."""


@dataclass(frozen=True)
class Unit:
    """What a part of a network gives, in the traced run.

    Attributes
    ----------
    name
        The layer's.
    channels
        How many it has.
    picture, grid
        (height, width) of the picture and of the places.
    depth
        Share of the network's layers with weights that have run by then, up to 1.
    """

    name: str
    channels: int
    picture: tuple[int, int]
    grid: tuple[int, int]
    depth: float

    @property
    def has_places(self) -> bool:
        """Whether there is more than one place along both axes."""
        return min(self.grid) > 1

    @property
    def stage(self) -> int:
        """How often the picture was halved, also where it is no multiple of the stride."""
        (height, width), (rows, columns) = self.picture, self.grid
        return round(log2(sqrt(height * width / (rows * columns))))


def good_units(units: Sequence[Unit]) -> list[Unit]:
    """Return those that dream well, in running order: wide, with places, and a stride of about 8 to 32."""
    placed = [unit for unit in units if unit.has_places]
    wide = [unit for unit in placed if unit.channels >= _WIDE] or placed
    return [unit for unit in wide if _FIRST_STAGE <= unit.stage <= _LAST_STAGE]


def best_unit(units: Sequence[Unit]) -> Unit | None:
    """Return the one to dream with: the last with a stride of about 16, or else nearest to it; None if none has places.

    Parameters
    ----------
    units
        In running order. What comes after the smallest grid, as in the second half of a U-Net, is not chosen.
    """
    placed = [unit for unit in units if unit.has_places]
    pool = good_units(units) or [unit for unit in placed if unit.channels >= _WIDE] or placed
    if not pool:
        return None
    deepest = max(unit.stage for unit in pool)
    end = max(index for index, unit in enumerate(pool) if unit.stage == deepest)
    pool = pool[: end + 1]
    stage = max((unit.stage for unit in pool if unit.stage <= _BEST_STAGE), default=_FIRST_STAGE)
    at_stage = [unit for unit in pool if unit.stage == stage] or pool[:1]
    halved_after = any(unit.stage > stage for unit in pool)
    early = at_stage if halved_after else [unit for unit in at_stage if unit.depth <= _DEEPEST]
    return (early or at_stage[:1])[-1]
