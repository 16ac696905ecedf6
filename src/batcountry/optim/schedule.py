"""How long an optimizer's steps are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """How long steps are.

    Attributes
    ----------
    step_size
        The first one's: gray levels for pixels, the parametrization's own unit otherwise.
    decay
        Every `decay_every` steps the step size is multiplied by this.
    decay_every
        Steps; 0 for a step size that stays.
    """

    step_size: float
    decay: float = 1.0
    decay_every: int = 0

    def at(self, step: int) -> float:
        """Return the size of a step, counted from 0."""
        if not self.decay_every:
            return self.step_size
        return float(self.step_size * self.decay ** (step // self.decay_every))
