"""The work of a dream on disk: octave by octave, iteration by iteration, strip by strip."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from batcountry.backend.allocator import give_back, kept_memory
from batcountry.backend.outputs import Output
from batcountry.dreams.disk.ascending import ascend
from batcountry.dreams.disk.canvas import Canvas, Workable
from batcountry.dreams.disk.canvases import Canvases, Reached
from batcountry.dreams.disk.held import HeldCanvas, HeldLevels, written_through
from batcountry.dreams.disk.stream import streamed
from batcountry.dreams.disk.update import begin_octave, update
from batcountry.dreams.preview import Thumbnail, preview_of_levels
from batcountry.dreams.steps import Progress
from batcountry.errors import RecipeError
from batcountry.image import vips as images
from batcountry.image.initial import start_picture
from batcountry.image.periodic import wrapped_axes
from batcountry.image.resample import resized_rows
from batcountry.optim.gradient import is_out_of_memory
from batcountry.optim.tiles import Tile, TileScorer
from batcountry.recipe import Note, Recipe

log = logging.getLogger("batcountry")


@dataclass(frozen=True)
class Task:
    """What a dream on disk is to do.

    Attributes
    ----------
    note
        The finished picture's; its recipe has all that was chosen.
    source
        The picture's file; None for the recipe's start.
    sizes
        (height, width) of the octaves, smallest first.
    """

    note: Note
    source: Path | None
    sizes: list[tuple[int, int]]

    def reaches(self, reached: Reached) -> bool:
        """Whether this comes so far."""
        return 0 <= reached.octave < len(self.sizes) and 0 <= reached.iteration <= self.note.recipe.iterations


class DiskDream:
    """A dream on disk.

    Parameters
    ----------
    scorer
        Works the gradient of its tiles out.
    holds
        Whether its device has memory for the picture and its gradient, which then go to disk as they are made.

    Attributes
    ----------
    reached
        How far it is; None if the octaves are not on disk yet. What that stands for stays on disk while the step after it is
        made, so that a process that is killed meanwhile loses no more than that.
    tile
        Side of the tiles, in pixels.
    halved
        Whether that is half of what it was, as memory ran out.
    """

    def __init__(self, task: Task, scorer: TileScorer, *, holds: bool = False) -> None:
        self.task, self.scorer, self._holds = task, scorer, holds
        self._held: tuple[Reached, HeldCanvas, HeldCanvas] | None = (
            None  # a picture, and room for its gradient
        )
        self.reached: Reached | None = None
        self.tile = task.note.recipe.tile or max(task.sizes[-1])
        self.halved = False
        self._small: Thumbnail | None = None
        self._cut: dict[tuple[int, int, int], tuple[list[Tile], dict[str, int]]] = {}

    def steps(self, canvases: Canvases) -> Iterator[Progress]:
        """Run what is left, iteration by iteration, each from one canvas to another.

        The first step is of iteration -1: the octaves are on disk.

        Raises
        ------
        RecipeError
            If memory runs out twice, or a canvas is damaged.
        OSError
            If the disk is full.
        """
        recipe, sizes = self.task.note.recipe, self.task.sizes
        if self.reached is None:
            self._prepare(canvases)
            self.reached = Reached()
            yield Progress(0, -1, len(sizes), recipe.iterations, sizes[0], math.nan, 0.0)
        rng = np.random.RandomState(recipe.seed)
        work = sum(height * width for height, width in sizes) * recipe.iterations
        first, finished = self.reached, 0
        with kept_memory():  # no longer: libvips needs room too
            for octave, size in enumerate(sizes):
                if octave and octave > first.octave:
                    self._carry(canvases, octave - 1)
                    self.reached = Reached(octave)
                for iteration in range(recipe.iterations):
                    x, y = (int(each) for each in rng.randint(-recipe.jitter, recipe.jitter + 1, 2))
                    finished += size[0] * size[1]
                    if Reached(octave, iteration) < first:
                        continue
                    score = self._step(canvases, size, (y, x))
                    done = min(finished / work, 1.0)
                    yield Progress(octave, iteration, len(sizes), recipe.iterations, size, score, done)

    def _step(self, canvases: Canvases, size: tuple[int, int], shift: tuple[int, int]) -> float:
        """Make one iteration, and return the score before it."""
        assert self.reached is not None
        after = Reached(self.reached.octave, self.reached.iteration + 1)
        image, gradient = self._canvases(canvases, size)
        give_back()
        try:
            score = self._ascended(image, gradient, shift)
        except (RuntimeError, MemoryError) as error:
            self._halve(error)
            with _lack_said():
                score = self._ascended(image, gradient, shift)
        result = canvases.image(after, size).blank()
        give_back()  # tiles and strips leave memory that is of no use to each other
        recipe = self.task.note.recipe
        if isinstance(image, HeldCanvas) and isinstance(gradient, HeldCanvas):
            self._held = None  # so that nothing goes on with a picture that is half of the next one
            with written_through(image, result) as both:
                self._small = update(HeldLevels(self.scorer.device), image, gradient, both, recipe)
            self._held = after, image, gradient
        else:
            self._small = update(canvases, image, gradient, result, recipe)
        self.reached = after
        return score

    def _canvases(self, canvases: Canvases, size: tuple[int, int]) -> tuple[Workable, Workable]:
        """Return the picture as far as it is, and what its gradient is added up on."""
        assert self.reached is not None
        image = canvases.image(self.reached, size)
        if not self._holds:
            return image, canvases.gradient(size)
        if self._held is None or self._held[0] != self.reached or self._held[1].size != size:
            self._held = None  # before there is another one
            device = self.scorer.device
            self._held = self.reached, HeldCanvas.of(image, device), HeldCanvas(size, device)
        return self._held[1:]

    def _ascended(self, image: Workable, gradient: Workable, shift: tuple[int, int]) -> float:
        key = (*image.size, self.tile)
        recipe = self.task.note.recipe
        if key not in self._cut:
            tiles = self.scorer.halo.tiles(image.size, self.tile, wrapped_axes(recipe.wrap))
            self._cut = {key: (tiles, self.scorer.units(tiles))}
        together = 1 if recipe.max_memory else None
        return ascend(image, gradient.blank(), self.scorer, *self._cut[key], shift, together)

    def _halve(self, error: Exception) -> None:
        """Go on with tiles of half the side if memory ran out; going on another time cuts them so, too."""
        if not is_out_of_memory(error) or self.halved:
            with _lack_said():
                raise error
        self.tile, self.halved = max(1, self.tile // 2), True
        log.warning("memory ran out; going on in tiles of %d pixels", self.tile)
        give_back()

    def sweep(self, canvases: Canvases) -> None:
        """Delete the canvases that are needed no more, now that how far it is was written down."""
        if self.reached is not None:
            canvases.sweep(self.reached.octave)

    def preview(self, side: int) -> bytes | None:
        """Return a small picture after a step; None before the first iteration."""
        if self._small is None:
            return None
        image = self._small.image
        if not self.task.note.recipe.clip:
            image = image * (255.0 / max(float(np.percentile(image.numpy(), 99.98)), 1.0))
        return preview_of_levels(image, side)

    def _carry(self, canvases: Canvases, octave: int) -> None:
        """Add the detail of a finished octave to the next one's picture, which is then the dream."""
        recipe = self.task.note.recipe
        size, larger = self.task.sizes[octave : octave + 2]
        base, next_base = canvases.base(octave, size), canvases.base(octave + 1, larger)
        image = canvases.image(Reached(octave, recipe.iterations), size)
        result = canvases.image(Reached(octave + 1), larger).blank()
        for rows in result.strips():
            detail = resized_rows(
                lambda each: image.read(each) - base.read(each),
                size[0],
                larger,
                rows,
                wrapped_axes(recipe.wrap),
            )
            result.write(rows, begin_octave(next_base.read(rows) + detail, recipe))

    def _prepare(self, canvases: Canvases) -> None:
        """Write the picture at each octave's size, and the first octave's as the dream's beginning."""
        recipe, sizes = self.task.note.recipe, self.task.sizes
        top = len(sizes) - 1
        level = canvases.base(top, sizes[top])
        level.path.unlink(missing_ok=True)  # or it would be written through, if it is a link
        images.write_raw(opened(self.task.source, recipe), level.path)
        for octave in range(top - 1, -1, -1):
            level = _shrunk(level, canvases.base(octave, sizes[octave]), wrapped_axes(recipe.wrap))
        image = canvases.image(Reached(), sizes[0]).blank()
        for rows in image.strips():
            image.write(rows, begin_octave(level.read(rows), recipe))

    def finish(self, canvases: Canvases, picture: Output, deepzoom: Output | None) -> None:
        """Write the picture, and a deep-zoom pyramid if there is to be one."""
        recipe, sizes = self.task.note.recipe, self.task.sizes
        last = canvases.image(Reached(len(sizes) - 1, recipe.iterations), sizes[-1])
        brightness = 1.0 if recipe.clip else _brightness(last)
        note = self.task.note.model_copy(update={"recipe": recipe.chosen(tile=self.tile)})

        def result() -> tuple[Any, Any]:
            """Open the dream and the picture, which are read once each time."""
            source = opened(self.task.source, recipe)
            image = streamed(last, brightness=brightness)
            return image.bandjoin(source[3].cast("uchar")) if source.bands == 4 else image, source

        image, source = result()
        if not picture.is_own:  # or it was killed just after this
            images.save(image, picture, note=note.model_dump_json(), icc=images.profile_of(source))
        if deepzoom is not None and not deepzoom.is_own:
            images.save_pyramid(result()[0], deepzoom, picture.path.stem)


@contextmanager
def _lack_said() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise RecipeError("memory ran out; close other programs and go on") from error


def _shrunk(level: Canvas, smaller: Canvas, wrap: tuple[bool, bool]) -> Canvas:
    smaller.blank()
    for rows in smaller.strips():
        smaller.write(rows, resized_rows(level.read, level.size[0], smaller.size, rows, wrap))
    return smaller


def _brightness(image: Canvas) -> float:
    """Return the factor that brings an unclipped dream's brightest 0.02 % to white, from a sample of its rows."""
    step = max(1, image.size[0] // 2048)
    sample = np.concatenate(
        [image.read(range(row, row + 1)).numpy().ravel() for row in range(0, image.size[0], step)]
    )
    return 255.0 / max(float(np.percentile(sample, 99.98)), 1.0)


def opened(source: Path | None, recipe: Recipe) -> Any:
    """Open a picture file as a recipe asks, or with None what its start says; see `images.open_input`."""
    if source is not None:
        return images.open_input(source, recipe.size, recipe.enlarge, recipe.frame or 1)
    picture = start_picture(recipe)
    picture = picture.fitted(recipe.size) if recipe.size else picture
    picture = picture.enlarged(recipe.enlarge) if recipe.enlarge else picture
    return images.from_array(picture.array())
