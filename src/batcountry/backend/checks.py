"""Conditions that a step must meet: looked at on the spot, or noted where the step runs until somebody looks.

To look at a number on a graphics card is to wait for all work before it, so that the card stands still while the next
step is made ready. Within `Checks.noting` nothing is looked at: what is broken first is noted in one number on the
device, with the tensors that say why.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

MakeError = Callable[..., Exception]
"""Makes an error of the tensors that were given as its evidence."""

_here = threading.local()


def check(broken: Tensor, error: MakeError, *evidence: Tensor) -> None:
    """Raise an error if something is broken, now, or within `Checks.noting` when those are looked at.

    Parameters
    ----------
    broken
        One truth value.
    evidence
        What the error is made of; where it is made later, that is what these tensors held here.
    """
    noted: Checks | None = getattr(_here, "checks", None)
    if noted is not None:
        noted.note(broken, error, evidence)
    elif bool(broken):
        raise error(*evidence)


class Checks:
    """What was checked in one step after the other, always in the same order, and not looked at yet."""

    def __init__(self, device: torch.device) -> None:
        self._first = torch.zeros((), dtype=torch.int32, device=device)  # number of what broke first, from 1
        self._errors: list[MakeError] = []
        self._evidence: list[tuple[Tensor, ...]] = []
        self._at = 0

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note what is checked by this thread in this block, which is one step."""
        before, self._at = getattr(_here, "checks", None), 0
        _here.checks = self
        try:
            yield
        finally:
            _here.checks = before

    @torch.no_grad()
    def note(self, broken: Tensor, error: MakeError, evidence: tuple[Tensor, ...]) -> None:
        """Take note of one check; see `check`."""
        if self._at == len(self._errors):
            self._errors.append(error)
            self._evidence.append(tuple(each.detach().clone() for each in evidence))
        intact = self._first == 0
        for kept, each in zip(self._evidence[self._at], evidence, strict=True):
            torch.where(intact, each.detach(), kept, out=kept)
        self._at += 1
        self._first.copy_(torch.where(intact & broken, self._at, self._first))

    def look(self) -> None:
        """Raise the error of what broke first, if anything did; this waits for the device."""
        number = int(self._first)
        if number:
            raise self._errors[number - 1](*self._evidence[number - 1])

    def clear(self) -> None:
        """Forget what was noted, before the steps of another dream."""
        self._first.zero_()
