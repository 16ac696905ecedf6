"""Pictures of what a network looks for, several at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from batcountry.dreamer import Dreamer
from batcountry.dreams import Step
from batcountry.errors import RecipeError
from batcountry.objectives import Objective, Score, each, objective_of
from batcountry.picture import Picture
from batcountry.recipe import Note, Recipe

BATCH = 8
"""Pictures that grow at once if nothing is said."""


@dataclass(frozen=True)
class Moment:
    """What is known after one iteration of a batch of pictures.

    Attributes
    ----------
    batch, batches
        Which batch this is, counted from 0, and how many there will be.
    objectives
        Of this batch, one for each picture.
    step
        The iteration; its score is the sum over the pictures.
    """

    batch: int
    batches: int
    objectives: tuple[Objective, ...]
    step: Step = field(repr=False)

    @property
    def done(self) -> float:
        """Share of the whole work that is done, 0 to 1."""
        return (self.batch + self.step.done) / self.batches

    def pictures(self) -> list[Picture]:
        """Return the batch's pictures as they are now, each with its own recipe as its note."""
        return [
            _own(picture, aim) for picture, aim in zip(self.step.pictures(), self.objectives, strict=True)
        ]


def visualize(
    objectives: Sequence[Objective | str | Score],
    recipe: Recipe | None = None,
    *,
    batch: int = BATCH,
    **options: Any,
) -> list[Picture]:
    """Make a picture for each of several objectives, from a start made on the spot.

    Parameters
    ----------
    objectives
        What each picture is to show: an `Objective`, its text, or a function as for `batcountry.objectives.function`.
    recipe
        How to make them; the preset `class` if nothing is given.
    batch
        How many grow at once. More are quicker together, and take as many times the memory.
    options
        As for `dream`, but for `objective`, `layer` and `guide`; `preset` is `class` if there is neither
        that nor a recipe.

    Returns
    -------
    list of Picture
        In the order of the objectives. Each carries a recipe that makes it again alone: what a picture
        becomes depends on the others only by rounding.

    Raises
    ------
    BatCountryError
        If an option, an objective, or the model cannot be used.

    Examples
    --------
    >>> import batcountry
    >>> stem = [f'channel("stem", {i})' for i in range(3)]
    >>> [each.size for each in batcountry.visualize(stem, canvas="32x48", iterations=2)]
    [(48, 32), (48, 32), (48, 32)]
    """
    found: list[Picture] = []
    for moment in visualizing(objectives, recipe, batch=batch, **options):
        if moment.step.last:
            found += moment.pictures()
    return found


def visualizing(
    objectives: Sequence[Objective | str | Score],
    recipe: Recipe | None = None,
    *,
    batch: int = BATCH,
    **options: Any,
) -> Iterator[Moment]:
    """Make a picture for each objective iteration by iteration; takes what `visualize` takes.

    The options are checked, the model is opened and all objectives are read at the call.
    """
    aims = [objective_of(one) for one in objectives]
    if not aims or batch < 1:
        raise RecipeError("visualize needs at least one objective, and a batch of at least one picture")
    if twice := {"objective", "layer", "guide"} & options.keys():
        raise RecipeError(
            f"visualize takes a list of objectives in place of {sorted(twice)[0]}; leave that out"
        )
    if recipe is None:
        options = {"preset": "class", **options}
    parts = [tuple(aims[at : at + batch]) for at in range(0, len(aims), batch)]
    first = Dreamer(recipe, **options, objective=each(list(parts[0])))
    model = first.settled.model
    for aim in aims[batch:]:
        aim.bind(model)
    options["model"] = model

    def run() -> Iterator[Moment]:
        for index, part in enumerate(parts):
            dreamer = Dreamer(recipe, **options, objective=each(list(part))) if index else first
            for step in dreamer.dreaming():
                yield Moment(index, len(parts), part, step)

    return run()


def _own(picture: Picture, aim: Objective) -> Picture:
    """Return a picture of a batch with the recipe that makes it alone."""
    note = Note.read(picture.note or "")
    alone = note.model_copy(update={"recipe": note.recipe.with_options(objective=str(aim))})
    return picture.with_note(alone.model_dump_json())
