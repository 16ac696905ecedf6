"""The memory that a dream takes beside the network: what it holds for each pixel of the picture.

Counted in planes, of which each pixel has four bytes, as the loop, the ascent and the finish make them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from batcountry.dreams.resolve import Resolved
from batcountry.objectives.base import START
from batcountry.objectives.masks import MASK
from batcountry.objectives.references import PICTURE
from batcountry.optim.alpha import COLORS

Size = tuple[int, int]

_PLANE = 4  # bytes a pixel

# Pictures that a step makes after the gradient, at most at once: the gradient on its way back, and the update's own.
_BACK = {"pixels": 2.0, "decorrelated": 4.0}
_OTHER_BACK, _OTHER_PARAM = 7.0, 1.5
_UPDATES = {"bands": 3.0, "mean": 1.0}
_OTHER_UPDATE = 5.0
_KEPT_BY_OPTIMIZER = {"ascent": 0.0, "adam": 2.0, "rmsprop": 1.0}
_OTHER_OPTIMIZER = 3.0
_FINISH, _RECOLORING = 3.7, 15.0
_CARRY = 11.0  # from one octave to the next

# Bytes a pixel, and at most in all, that recoloring leaves in pieces which it cannot use again.
_SCRAPS, _MOST_SCRAPS = 160.0, 144e6


@dataclass(frozen=True)
class Buffers:
    """Bytes for each pixel of the largest octave, beside what the network takes.

    Attributes
    ----------
    during
        While the network runs.
    between
        Between two runs of the network, at most.
    finish
        When the picture is finished and written.
    """

    during: float
    between: float
    finish: float

    @property
    def most(self) -> float:
        """At any time."""
        return max(self.during, self.between, self.finish)

    def plus(self, more: float) -> Buffers:
        """Return the same with so many bytes more at any time."""
        return Buffers(self.during + more, self.between + more, self.finish + more)

    def times(self, factor: float) -> Buffers:
        """Return the same for each pixel of what the network sees, which are so many times fewer."""
        return Buffers(factor * self.during, factor * self.between, factor * self.finish)


NO_BUFFERS = Buffers(0.0, 0.0, 0.0)
"""Nothing beside the network."""

PICTURE_BYTES = 120
"""Memory for each pixel of a picture that is dreamed on in memory as usual, beside that of the network."""


def picture_buffers(resolved: Resolved, sizes: list[Size], count: int = 1) -> Buffers:
    """Return what a dream in memory holds beside its picture, which is there already.

    Parameters
    ----------
    sizes
        (height, width) of the octaves, smallest first.
    count
        Pictures that grow together.
    """
    recipe = resolved.recipe
    planes = (resolved.model.channels + resolved.alpha.planes_more) * count
    shares = [prod(size) / prod(sizes[-1]) for size in sizes]
    beside = _planes_beside(resolved)
    smaller = planes * (sum(shares[:-1]) + 2 * sum(shares[-2:-1]))
    param = recipe.param or "pixels"
    other = 0.0 if param in _BACK else _OTHER_PARAM
    held = planes * (1 + other + _KEPT_BY_OPTIMIZER.get(recipe.optimizer, _OTHER_OPTIMIZER))
    shown = 0 if param == "pixels" else planes
    seen = (planes + beside) * (bool(beside) + recipe.views * (1 + max(0, len(resolved.view) - 1)))
    mask = 1 + planes if resolved.mask is not None else 0
    last = planes if recipe.iterations > 1 else 0
    base = planes + smaller + last + beside + mask
    during = base + held + shown + seen + planes * recipe.views
    back = planes * _BACK.get(param, _OTHER_BACK)
    update = planes * _UPDATES.get(str(recipe.normalize or ""), _OTHER_UPDATE)
    carry = planes * _CARRY if len(sizes) > 1 else 0
    drawn = resolved.alpha.planes_drawn
    between = max(during + max(back, drawn) + mask, base + held + planes + update, base + carry)
    finish = 2 * planes + held + smaller + COLORS * _FINISH
    scraps = 0.0
    if recipe.color != "free":
        finish += COLORS * _RECOLORING
        scraps = min(_SCRAPS, _MOST_SCRAPS / prod(sizes[-1]))
    return Buffers(_PLANE * during, _PLANE * between, _PLANE * finish + scraps)


def _planes_beside(resolved: Resolved) -> int:
    """Return how many planes stand beside the image for the objective to read."""
    keys = resolved.objective.aux_inputs
    masks = sum(key.startswith(MASK) for key in keys)
    pictures = sum(key.startswith(PICTURE) or key == START for key in keys)
    return masks + resolved.model.channels * pictures
