"""Times of a stream that are begun anew, as in recordings of television that were joined, brought to one clock."""

from __future__ import annotations

from fractions import Fraction

_BACK = Fraction(1, 10)  # seconds; what goes back less is a damaged file's


class OneClock:
    """Takes a stream's times one after the other, and gives them so that they only go forward.

    Where they go back by more than a tenth of a second, and more than two frames, another recording begins: its times are
    counted from the last one on. A single time that is wrong does not move those after it.

    Parameters
    ----------
    time_base
        Seconds in a tick.
    """

    def __init__(self, time_base: Fraction) -> None:
        self._last: int | None = None
        self._shift, self._time_base = 0, time_base

    def time_of(self, pts: int, step: int) -> int:
        """Return a time in ticks; `step` is what passes from one to the next, as a rule."""
        last = self._last
        if last is not None and pts <= last:
            if self._shift and pts + self._shift > last:
                pts += self._shift
            elif last - pts > 2 * step and (last - pts) * self._time_base > _BACK:
                self._shift = last + max(1, step) - pts
                pts += self._shift
            else:
                pts = last + 1
        self._last = pts
        return pts
