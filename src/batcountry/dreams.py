"""The loop that everything else listens to: octave by octave, iteration by iteration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from torch import Tensor

from batcountry import octaves
from batcountry.allocator import kept_memory
from batcountry.picture import Picture, picture_of_levels
from batcountry.recipe import Note
from batcountry.stopped import StoppedAt
from batcountry.threads import limited_steps
from batcountry.wrap import NO_WRAP, Wrap

Advance = Callable[[], tuple[Tensor, float]]
"""Makes one step, and returns the pictures after it, (N, 3, H, W), and the score before it."""

Begin = Callable[[Tensor, Tensor], Advance]
"""Begins an octave: from the pictures to go on from, and the picture without any dream at this size."""


Opened = Callable[[Tensor, int], Picture]
"""Makes the finished picture of one of the pictures of a step, (1, C, H, W), and its number."""


@dataclass(frozen=True)
class Progress:
    """What is known after one iteration.

    Attributes
    ----------
    octave, iteration
        Counted from 0; the octave 0 is the smallest that is run.
    octaves, iterations
        How many of each there will be.
    size
        (height, width) of this octave in pixels.
    score
        The objective's value before this step.
    done
        Share of the whole work that is done, 0 to 1, counted in pixels.
    """

    octave: int
    iteration: int
    octaves: int
    iterations: int
    size: tuple[int, int]
    score: float
    done: float

    @property
    def last(self) -> bool:
        """Whether this is the dream's last step."""
        return self.octave == self.octaves - 1 and self.iteration == self.iterations - 1


@dataclass(frozen=True)
class Step(Progress):
    """What is known after one iteration, and the picture.

    Attributes
    ----------
    image
        (N, 3, H, W), RGB in grey levels, as it is now; with `alpha` a fourth plane is its opacity, 0 to 255.
    indices
        Of a dream on several pictures: which of them these are, counted from 0. `last` is then said of them, and `done`
        of all.
    """

    image: Tensor = field(repr=False, compare=False)
    _opened: Opened | None = field(default=None, repr=False, compare=False)
    indices: tuple[int, ...] = (0,)

    def picture(self) -> Picture:
        """Return the picture as it is now, at this octave's size, with the recipe as its note; of several, the first."""
        return self.pictures(1)[0]

    def pictures(self, most: int | None = None) -> list[Picture]:
        """Return all pictures that grow at once, or the first few; see `picture`."""
        return [self._picture(each[None], index) for index, each in enumerate(self.image[:most])]

    def stopped(self) -> list[Picture]:
        """Return all pictures as they are now, with notes that say that the dream ended here."""
        at = StoppedAt(
            octave=self.octave + 1,
            octaves=self.octaves,
            iteration=self.iteration + 1,
            iterations=self.iterations,
        )
        return [stopped_at(each, at) for each in self.pictures()]

    def _picture(self, image: Tensor, index: int) -> Picture:
        if self._opened:
            return self._opened(image, index)
        return picture_of_levels(image[0].permute(1, 2, 0).contiguous().cpu().numpy())

    def _repr_html_(self) -> str:
        from batcountry.displays import step_figure

        return step_figure(self)


@limited_steps
def climb(
    base: Tensor,
    sizes: list[tuple[int, int]],
    iterations: int,
    begin: Begin,
    opened: Opened | None = None,
    wrap: Wrap = NO_WRAP,
    detail: Tensor | None = None,
    carry: octaves.Carry = octaves.carries["detail"],
) -> Iterator[Step]:
    """Climb each octave, coarse to fine, carrying what was found in one to the next.

    Parameters
    ----------
    base : (N, 3, H, W), RGB in grey levels
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
                image = octave_base if detail is None else octave_base + octaves.resize(detail, size, wrap)
            advance = begin(image, octave_base)
            for iteration in range(iterations):
                image, score = advance()
                finished += size[0] * size[1] / work / iterations
                done = min(finished, 1.0)
                yield Step(octave, iteration, len(sizes), iterations, size, score, done, image, opened)
            before = image, octave_base


def stopped_at(picture: Picture, at: StoppedAt) -> Picture:
    """Return a picture whose note says that its dream was stopped."""
    if picture.note is None:
        return picture
    note = Note.read(picture.note).model_copy(update={"stopped": at})
    return picture.with_note(note.model_dump_json())
