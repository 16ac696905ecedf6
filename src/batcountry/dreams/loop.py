"""The loop that everything else listens to: octave by octave, iteration by iteration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, SupportsFloat, cast

import torch
from torch import Tensor

from batcountry.backend.allocator import kept_memory
from batcountry.backend.threads import limited_steps
from batcountry.dreams import octaves
from batcountry.dreams.checkpoint import Checkpoint, another_dream
from batcountry.dreams.steps import Opened, Step
from batcountry.image.periodic import NO_WRAP, Wrap
from batcountry.image.resample import resize
from batcountry.optim.ascent import Advancing

Begin = Callable[[Tensor, Tensor], Advancing]
"""Begins an octave: from the pictures to go on from, and the picture without any dream at this size."""


@limited_steps
def climb(
    base: Tensor,
    sizes: list[tuple[int, int]],
    iterations: int,
    begin: Begin,
    opened: Opened | None = None,
    wrap: Wrap = NO_WRAP,
    detail: Tensor | None = None,
    carry: octaves.OctaveTransfer = octaves.OCTAVE_TRANSFERS["detail"],
    checkpoint: Checkpoint | None = None,
) -> Iterator[Step]:
    """Climb each octave, coarse to fine, carrying what was found in one to the next.

    Parameters
    ----------
    base : (N, 3, H, W), RGB in gray levels
    sizes
        (height, width) of the octaves to run, smallest first.
    detail
        What to add to the smallest octave's picture before its first step, of any size.
    checkpoint
        What to go on from; the first step is then the one that it was made after.

    Raises
    ------
    RecipeError
        If the checkpoint is another dream's.
    """
    work = iterations * sum(height * width for height, width in sizes)
    before, first = None, (0, 0) if checkpoint is None else checkpoint.place
    finished = iterations * sum(height * width for height, width in sizes[: first[0]])
    score: SupportsFloat
    ended: Advancing | None = None
    with kept_memory(), ExitStack() as begun:
        bases = carry.levels(base, sizes, wrap)
        if checkpoint is not None:
            checkpoint.check(sizes, iterations, base)
            before = None if checkpoint.before is None else (checkpoint.before.to(base), bases[first[0] - 1])
        for octave in range(first[0], len(sizes)):
            size, octave_base = sizes[octave], bases[octave]
            if before is not None:
                image = carry.start(*before, octave_base, wrap)
            else:
                image = octave_base if detail is None else octave_base + resize(detail, size, wrap)
            advancing = begin(image, octave_base)
            begun.callback(advancing.close)
            for iteration in range(iterations):
                finished += size[0] * size[1]
                if (octave, iteration) < first:
                    continue
                if checkpoint is not None and (octave, iteration) == first:
                    image, score = _taken_up(checkpoint, advancing).to(base), checkpoint.score
                else:
                    image, number = advancing.step()
                    score = _Score(number, advancing.look)
                if ended is not None:  # looked at now that work of this octave is on its way
                    ended.look()
                    ended = None
                made = _Made((octave, iteration), image, score, before and before[0], advancing)
                yield made.step((len(sizes), iterations), size, finished / work, opened)
            before, ended = (image, octave_base), advancing
        if ended is not None:
            ended.look()


@dataclass(frozen=True)
class _Score:
    """A score that is read, once it is known that the step went well, when somebody asks for it."""

    number: Tensor
    look: Callable[[], None]

    def __float__(self) -> float:
        self.look()
        return float(self.number)


@dataclass(frozen=True)
class _Made:
    """What is known after a step."""

    place: tuple[int, int]
    image: Tensor
    score: SupportsFloat
    before: Tensor | None
    advancing: Advancing

    def step(
        self, counts: tuple[int, int], size: tuple[int, int], done: float, opened: Opened | None
    ) -> Step:
        """Return it as who watches gets it; `counts` are of octaves and iterations."""
        score = cast("float", self.score)  # which it becomes when it is asked for
        more: dict[str, Any] = {"terms": self.advancing.terms(), "_look": self.advancing.look}
        return Step(*self.place, *counts, size, score, done, self.image, opened, self.kept, **more)

    def kept(self) -> Checkpoint:
        """Return what the next step depends on."""
        return Checkpoint(self.place, float(self.score), self.image, self.before, self.advancing.state())


def _taken_up(checkpoint: Checkpoint, advancing: Advancing) -> Tensor:
    """Bring an octave to where a checkpoint was made, and return the picture there."""
    try:
        with torch.inference_mode(False):
            advancing.load(checkpoint.climb)
    except (KeyError, ValueError, RuntimeError, IndexError):
        raise another_dream() from None
    return checkpoint.image
