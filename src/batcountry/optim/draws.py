"""Random numbers drawn ahead, for many steps at once, so that no step waits for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from batcountry.backend.transfers import brought
from batcountry.optim.schedule import Schedule
from batcountry.optim.transforms import Rng, Split
from batcountry.optim.transforms.base import Size

_STEPS = 64  # that are drawn for at once at most
_BYTES = 64 << 20  # that they take at most


@dataclass(frozen=True)
class Layout:
    """What stands where in a step's row of numbers: how long the step is, how many were before it, and what is drawn.

    Attributes
    ----------
    transforms
        What draws, each with the size of the pictures that it gets.
    shapes
        Of what each of them draws.
    views
        How often they draw in a step, one view after the other.
    """

    transforms: tuple[tuple[Split, Size], ...]
    shapes: tuple[tuple[int, ...], ...]
    views: int = 1

    @classmethod
    def of(cls, transforms: Sequence[Split], size: Size, channels: int, views: int = 1) -> Layout:
        """Return the layout for pictures of so many channels."""
        found, shapes = [], []
        for transform in transforms:
            found.append((transform, size))
            drawn = transform.draw(np.random.RandomState(0), size)
            shapes.append(tuple(drawn.shape))
            blank = torch.empty(1, channels, *size, device="meta")
            after = transform.apply(blank, drawn.to("meta"))
            size, channels = (after.shape[-2], after.shape[-1]), after.shape[1]
        return cls(tuple(found), tuple(shapes), views)

    @property
    def length(self) -> int:
        """How many numbers a row has."""
        return 2 + self.views * self._view

    @property
    def _view(self) -> int:
        """How many numbers one view has."""
        return sum(map(prod, self.shapes))

    def row(self, rng: Rng, step_size: float, steps: int) -> Tensor:
        """Draw one step's numbers, in the order in which the transforms run; on the CPU."""
        drawn = [
            transform.draw(rng, size).reshape(-1)
            for _ in range(self.views)
            for transform, size in self.transforms
        ]
        return torch.cat([torch.tensor([step_size, float(steps)]), *drawn])

    def parts(self, row: Tensor, view: int = 0) -> Iterator[tuple[Split, Tensor]]:
        """Yield each transform with what it drew for a view of the picture, a part of a row."""
        at = 2 + view * self._view
        for (transform, _), shape in zip(self.transforms, self.shapes, strict=True):
            yield transform, row[at : at + prod(shape)].reshape(shape)
            at += prod(shape)


class Draws:
    """The rows of one octave's steps, drawn by chunks, on a device.

    Parameters
    ----------
    rng
        It is ahead of the steps until `rewind`.
    steps
        How many were made before, and how many there will be in all, if that is known.
    """

    def __init__(
        self,
        layout: Layout,
        schedule: Schedule,
        rng: Rng,
        device: torch.device,
        steps: tuple[int, int | None] = (0, None),
    ) -> None:
        self._layout, self._schedule, self._rng, self._device = layout, schedule, rng, device
        # Numbers that others draw from, too, such as `numpy.random`, are not drawn before their time.
        ahead = _STEPS if isinstance(rng, np.random.RandomState) else 1
        self._most = max(1, min(ahead, _BYTES // (4 * layout.length)))
        self._steps, self._end = steps
        self._rows: Tensor | None = None
        self._states: list[Any] = []
        self._at = 0

    def next(self) -> Tensor:
        """Return the row of the next step."""
        if self._rows is None or self._at == len(self._rows):
            self._draw()
        assert self._rows is not None
        self._at += 1
        self._steps += 1
        return self._rows[self._at - 1]

    def _draw(self) -> None:
        rows = []
        self._states, self._at = [], 0
        left = self._most if self._end is None else max(1, min(self._most, self._end - self._steps))
        for step in range(self._steps, self._steps + left):
            self._states.append(_state(self._rng))
            rows.append(self._layout.row(self._rng, self._schedule.at(step), step))
        self._rows = brought(torch.stack(rows), self._device)

    def rng(self) -> Rng:
        """Return an rng that is where the next step's numbers begin."""
        if self._at == len(self._states):
            return self._rng
        here = np.random.RandomState()
        here.set_state(self._states[self._at])
        return here

    def rewind(self) -> None:
        """Bring the rng to where the next step's numbers begin, and forget what was drawn ahead."""
        if self._at < len(self._states):
            assert isinstance(self._rng, np.random.RandomState)
            self._rng.set_state(self._states[self._at])
        self._rows, self._states, self._at = None, [], 0


def _state(rng: Rng) -> Any:
    return rng.get_state() if isinstance(rng, np.random.RandomState) else None
