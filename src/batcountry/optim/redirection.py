"""In how many of a dream's steps dead ReLUs are still redirected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

from batcountry.backend.redirected_relu import redirected_relu


class Redirection:
    """Counts the steps of a dream, in all its octaves, in which dead ReLUs are redirected.

    Attributes
    ----------
    left
        How many there are still to be.
    """

    def __init__(self, left: int | Fraction) -> None:
        self.left = left

    @contextmanager
    def step(self, share: int | Fraction = 1) -> Iterator[None]:
        """Make one step, or a share of it, within this block, of which dead ReLUs are redirected if it is one of those."""
        if not self.left:
            yield
            return
        self.left -= share
        with redirected_relu():
            yield
