"""The steps of a dream, as who watches it gets them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, SupportsFloat

from batcountry.errors import RecipeError
from batcountry.image.html import LONGEST, figure
from batcountry.image.picture import Picture
from batcountry.image.reading import picture_of_levels
from batcountry.recipe import Note
from batcountry.recipe.stopped import StoppedAt

if TYPE_CHECKING:
    from torch import Tensor

    from batcountry.dreams.checkpoint import Checkpoint


class Opened(Protocol):
    """Makes pictures of what a step has."""

    def __call__(self, image: Tensor, index: int) -> Picture:
        """Return the finished picture of one of the pictures of a step, (1, C, H, W), and its number."""
        ...

    def preview(self, image: Tensor, index: int, side: int) -> bytes:
        """Return a small file of it; see `Step.preview`."""
        ...


class Number:
    """A field of a dataclass that may be given as something that becomes a number, which it does once, when it is asked for."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object | None, owner: type) -> float:
        if instance is None:
            raise AttributeError(self._name)  # so that the field has no default
        value = instance.__dict__[self._name]
        if not isinstance(value, (float, int)):
            value = instance.__dict__[self._name] = float(value)
        return value

    def __set__(self, instance: object, value: SupportsFloat) -> None:
        instance.__dict__[self._name] = value


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
        The objective's value before this step; of a dream on a graphics card it is read when it is asked for.
    done
        Share of the whole work that is done, 0 to 1, counted in pixels.
    """

    octave: int
    iteration: int
    octaves: int
    iterations: int
    size: tuple[int, int]
    if TYPE_CHECKING:
        score: float
    else:
        score: Number = Number()
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
        (N, 3, H, W), RGB in gray levels, as it is now; with `alpha` a fourth plane is its opacity, 0 to 255.
    indices
        Of a dream on several pictures: which of them these are, counted from 0. `last` is then said of them, and `done`
        of all.
    terms
        What each term of the image itself came to in this step, by its text, before its weight.
    """

    image: Tensor = field(repr=False, compare=False)
    _opened: Opened | None = field(default=None, repr=False, compare=False)
    _keep: Callable[[], Checkpoint] | None = field(default=None, repr=False, compare=False)
    indices: tuple[int, ...] = (0,)
    terms: Mapping[str, float] = field(default_factory=dict, compare=False)
    _look: Callable[[], None] | None = field(default=None, repr=False, compare=False)

    def of(self, done: float, indices: tuple[int, ...]) -> Step:
        """Return the same step as one of a dream on more pictures; see `done` and `indices`."""
        other = copy(self)  # and not `replace`, which would ask for the score
        object.__setattr__(other, "done", done)
        object.__setattr__(other, "indices", indices)
        return other

    def look(self) -> None:
        """Raise the error of a step that went wrong, where that is not known before somebody looks; all else here does so too."""
        if self._look is not None:
            self._look()

    def picture(self) -> Picture:
        """Return the picture as it is now, at this octave's size, with the recipe as its note; of several, the first."""
        return self.pictures(1)[0]

    def pictures(self, most: int | None = None) -> list[Picture]:
        """Return all pictures that grow at once, or the first few; see `picture`."""
        self.look()
        return [self._picture(each[None], index) for index, each in enumerate(self.image[:most])]

    def preview(self, side: int = 512, index: int = 0) -> bytes:
        """Return a small file of one of the pictures as it is now: a JPEG, or a PNG if there is transparency.

        It takes a few milliseconds for a step of any size.

        Parameters
        ----------
        side
            Most pixels of the longer side.
        index
            Which of the pictures.
        """
        # It needs PyTorch, which not all do who import this.
        from batcountry.dreams.preview import preview_of_levels

        self.look()
        image = self.image[index : index + 1]
        return self._opened.preview(image, index, side) if self._opened else preview_of_levels(image, side)

    def checkpoint(self) -> Checkpoint:
        """Return what the next step depends on, to be stored before that is made.

        Raises
        ------
        RecipeError
            If an optimizer of the caller's own says nothing of what it remembers.
        """
        if self._keep is None:
            raise RecipeError("this step was not made by a dream that can be stored")
        self.look()
        return self._keep()

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
        return step_figure(self)


def where(step: Progress) -> str:
    """Say where a dream is: octave, iteration and size."""
    height, width = step.size
    return (
        f"octave {step.octave + 1}/{step.octaves}, "
        f"iteration {step.iteration + 1}/{step.iterations}, {width}×{height}"
    )


def step_figure(step: Step, *, longest: int = LONGEST) -> str:
    """Return HTML of a step: its picture, where the dream is, the score and the share that is done."""
    caption = f"{where(step)}, score {step.score:.4g}, {100 * step.done:.0f} %"
    return figure(step.picture(), caption, longest=longest)


def stopped_at(picture: Picture, at: StoppedAt) -> Picture:
    """Return a picture whose note says that its dream was stopped."""
    if picture.note is None:
        return picture
    note = Note.read(picture.note).model_copy(update={"stopped": at})
    return picture.with_note(note.model_dump_json())
