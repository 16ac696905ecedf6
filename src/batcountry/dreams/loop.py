"""The loop that everything else listens to: octave by octave, iteration by iteration."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor

from batcountry.backend.allocator import kept_memory
from batcountry.backend.threads import limited_steps
from batcountry.dreams import octaves
from batcountry.dreams.steps import Opened, Step
from batcountry.image.periodic import NO_WRAP, Wrap
from batcountry.image.resample import resize

Advance = Callable[[], tuple[Tensor, float]]
"""Makes one step, and returns the pictures after it, (N, 3, H, W), and the score before it."""

Begin = Callable[[Tensor, Tensor], Advance]
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
) -> Iterator[Step]:
    """Climb each octave, coarse to fine, carrying what was found in one to the next.

    Parameters
    ----------
    base : (N, 3, H, W), RGB in gray levels
    sizes
        (height, width) of the octaves to run, smallest first.
    detail
        What to add to the smallest octave's picture before its first step, of any size.
    """
    work = sum(height * width for height, width in sizes)
    finished, before = 0.0, None
    with kept_memory():
        for octave, (size, octave_base) in enumerate(
            zip(sizes, carry.levels(base, sizes, wrap), strict=True)
        ):
            if before is not None:
                image = carry.start(*before, octave_base, wrap)
            else:
                image = octave_base if detail is None else octave_base + resize(detail, size, wrap)
            advance = begin(image, octave_base)
            for iteration in range(iterations):
                image, score = advance()
                finished += size[0] * size[1] / work / iterations
                done = min(finished, 1.0)
                yield Step(octave, iteration, len(sizes), iterations, size, score, done, image, opened)
            before = image, octave_base
