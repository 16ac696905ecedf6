"""Pictures of what a network looks for, several at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from typing_extensions import Unpack

from batcountry.backend.allocator import give_back
from batcountry.backend.policy import OPEN, Policy
from batcountry.dreams.api import is_true, watched
from batcountry.dreams.batches import BATCH, evened, most_at_once
from batcountry.dreams.dreamer import Dreamer
from batcountry.dreams.keywords import VisualizeOptions
from batcountry.dreams.prepare import Prepared, prepare
from batcountry.dreams.steps import Step, where
from batcountry.errors import RecipeError
from batcountry.image.picture import Picture
from batcountry.models import Model
from batcountry.objectives import Objective, Score, each, objective_of
from batcountry.recipe import Note, Recipe
from batcountry.recipe.units import parsed_size

log = logging.getLogger("batcountry")


@dataclass(frozen=True)
class BatchStep:
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
        return self._owned(self.step.pictures())

    def stopped(self) -> list[Picture]:
        """Return the batch's pictures as they are now, with notes that say that they were stopped here."""
        return self._owned(self.step.stopped())

    def _owned(self, pictures: list[Picture]) -> list[Picture]:
        return [_own(picture, aim) for picture, aim in zip(pictures, self.objectives, strict=True)]


Callback = Callable[[BatchStep], object]
"""Is called with each step of `visualize`, which ends there if it returns True."""


def visualize(
    objectives: Sequence[Objective | str | Score],
    recipe: Recipe | None = None,
    *,
    batch: int | None = None,
    callback: Callback | None = None,
    progress: bool = False,
    policy: Policy = OPEN,
    **options: Unpack[VisualizeOptions],
) -> list[Picture]:
    """Make a picture for each of several objectives, from a start made on the spot.

    Parameters
    ----------
    objectives
        What each picture is to show: an `Objective`, its text, or a function as for `batcountry.objectives.function`.
    recipe
        How to make them; the preset `class` if nothing is given.
    batch
        How many grow at once. More are quicker together, and take as many times the memory. If not given 8 on a processor,
        and as many as keep a graphics card busy and fit into its memory.
    callback
        Is called with each `BatchStep`. If it returns True (nothing else counts), this ends there, with the pictures that
        there are as they are then; those not begun are missing.
    progress
        Show a bar with the time that is left.
    policy
        As for `dream`.
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
    >>> made = batcountry.visualize(stem, preset="thumbnail", canvas="32x48", iterations=2)
    >>> [each.size for each in made]
    [(48, 32), (48, 32), (48, 32)]
    """
    found: list[Picture] = []
    moments = visualizing(objectives, recipe, batch=batch, policy=policy, **options)
    for moment in watched(moments, lambda each: where(each.step), progress=progress):
        stop = callback is not None and is_true(callback(moment))
        if moment.step.last or stop:
            found += moment.pictures() if moment.step.last else moment.stopped()
        if stop:
            break
    return found


def visualizing(
    objectives: Sequence[Objective | str | Score],
    recipe: Recipe | Prepared | None = None,
    *,
    batch: int | None = None,
    policy: Policy = OPEN,
    **options: Unpack[VisualizeOptions],
) -> Iterator[BatchStep]:
    """Make a picture for each objective iteration by iteration; takes what `visualize` takes, and what is prepared already.

    The options are checked, the model is opened and all objectives are read at the call.
    """
    aims = [objective_of(one) for one in objectives]
    if not aims or (batch is not None and batch < 1):
        raise RecipeError("visualize needs at least one objective, and a batch of at least one picture")
    if twice := {"objective", "layer", "guide"} & options.keys():
        raise RecipeError(
            f"visualize takes a list of objectives in place of {sorted(twice)[0]}; leave that out"
        )
    beginning = each(aims[: batch or BATCH])
    if isinstance(recipe, Prepared):
        asked = recipe.with_aim(objective=beginning)
    else:
        given: dict[str, Any] = {**options} if recipe is not None else {"preset": "class", **options}
        asked = prepare(recipe, {**given, "objective": beginning}, policy)
    model = asked.open_model()
    asked = asked.with_model(model)
    first, batch = _fitting(asked, model, aims, batch)
    parts = [tuple(aims[at : at + batch]) for at in range(0, len(aims), batch)]
    for aim in aims[batch:]:
        aim.bind(first.resolved.model)

    def dreamer_of(index: int) -> Dreamer:
        if not index:
            return first
        give_back()
        dreamer = Dreamer(asked.with_aim(objective=each(list(parts[index]))))
        dreamer.share_plans(first)
        return dreamer

    def run() -> Iterator[BatchStep]:
        for index, part in enumerate(parts):
            yield from (BatchStep(index, len(parts), part, step) for step in dreamer_of(index).dreaming())

    return run()


def _fitting(asked: Prepared, model: Model, aims: list[Objective], said: int | None) -> tuple[Dreamer, int]:
    """Return what dreams the first batch, and how large batches are: as large as it is said if the memory allows it."""
    pixels = prod(parsed_size(asked.recipe.canvas))
    batch = evened(said, len(aims), most_at_once(said, pixels, model.device), model.device)
    dreamer = Dreamer(asked.with_aim(objective=each(aims[:batch])))
    if len(aims[:batch]) == 1 or dreamer.resolved.recipe.tile:
        return dreamer, batch
    try:
        plan = dreamer.planned().plan
        if plan is None or plan.side is None:
            return dreamer, batch
    except RecipeError:  # there is no room for all of them; whether that is so for one it says itself
        pass
    alone = Dreamer(asked.with_aim(objective=each(aims[:1])))
    together, _ = alone.together(batch)
    together = evened(said, len(aims), together, model.device)
    log.warning("%d pictures at once take more memory than there is; %d grow at once", batch, together)
    return Dreamer(asked.with_aim(objective=each(aims[:together]))), together


def _own(picture: Picture, aim: Objective) -> Picture:
    """Return a picture of a batch with the recipe that makes it alone."""
    note = Note.read(picture.note or "")
    alone = note.model_copy(update={"recipe": note.recipe.chosen(objective=str(aim))})
    return picture.with_note(alone.model_dump_json())
