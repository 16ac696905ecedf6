"""The work of a dream on disk: octave by octave, iteration by iteration, strip by strip."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from batcountry.backend import outputs
from batcountry.backend.allocator import give_back, kept_memory
from batcountry.backend.outputs import Output
from batcountry.backend.policy import OPEN, Policy
from batcountry.backend.threads import with_threads
from batcountry.dreams.disk.canvas import Canvas
from batcountry.dreams.disk.job import Job, State, WorkDir
from batcountry.dreams.disk.stream import streamed
from batcountry.dreams.disk.update import begin_octave, update
from batcountry.dreams.steps import Progress
from batcountry.errors import RecipeError
from batcountry.image import vips as images
from batcountry.image.initial import start_picture
from batcountry.image.periodic import wrapped_axes
from batcountry.image.resample import resized_rows
from batcountry.models.from_recipe import resume_command
from batcountry.optim.gradient import is_out_of_memory
from batcountry.optim.tile_axes import Span
from batcountry.optim.tiles import Tile, TileScorer
from batcountry.recipe import Recipe

log = logging.getLogger("batcountry")


class Making(outputs.Making[Progress]):
    """A dream on disk, iteration by iteration.

    Attributes
    ----------
    deepzoom
        Where its deep-zoom pyramid goes, if it has one; final when there are no more steps, as `output` is.
    command
        What goes on with it if it is stopped.
    """

    def __init__(self, work_dir: WorkDir, job: Job, scorer: TileScorer, policy: Policy = OPEN) -> None:
        self.deepzoom = work_dir.pyramid(job)
        self.command = resume_words(work_dir.folder, job)
        output = work_dir.output(job)
        steps = with_threads(_work(work_dir, job, scorer, output, self.deepzoom), job.threads)
        super().__init__(policy.timed(steps), output, work_dir.folder)


def resume_words(folder: Path, job: Job) -> str:
    """Return the command that goes on with a job in a folder."""
    return resume_command(folder, job.model, job.files, large=job.is_large)


def _work(
    work_dir: WorkDir, job: Job, scorer: TileScorer, output: Output, deepzoom: Output | None
) -> Iterator[Progress]:
    """Do what is left of a job, iteration by iteration, and write the picture.

    Raises
    ------
    BatCountryError
        If another process is at it, the disk is full, or the picture cannot be written.
    """
    with work_dir.alone(), _disk_errors_said(work_dir, job):
        if work_dir.state() is None:
            _prepare(work_dir, job)
        with kept_memory():  # no longer: libvips needs room too
            yield from _climbed(work_dir, job, scorer)
        _finish(work_dir, work_dir.job(), output, deepzoom)  # whose tiles may be smaller by now


@contextmanager
def _disk_errors_said(work_dir: WorkDir, job: Job) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RecipeError(
            f"the dream in {work_dir.folder} stopped: {error.strerror or error}; "
            f"make room and go on with: {resume_words(work_dir.folder, job)}"
        ) from error


def _climbed(work_dir: WorkDir, job: Job, scorer: TileScorer) -> Iterator[Progress]:
    """Run all iterations that are not finished yet, each from one canvas to another."""
    recipe, sizes = job.note.recipe, job.sizes
    rng = np.random.RandomState(recipe.seed)
    work = sum(height * width for height, width in sizes) * recipe.iterations
    reached = work_dir.state() or State()
    finished = 0
    for octave, size in enumerate(sizes):
        tiles = scorer.halo.tiles(size, job.note.recipe.tile, wrapped_axes(recipe.wrap))
        units: dict[str, int] = {}
        for iteration in range(recipe.iterations):
            x, y = (int(each) for each in rng.randint(-recipe.jitter, recipe.jitter + 1, 2))
            finished += size[0] * size[1]
            if (octave, iteration) < (reached.octave, reached.iteration):
                continue
            units = units or scorer.units(tiles)
            state = State(octave=octave, iteration=iteration)
            image = work_dir.image(state, size)
            state = State(octave=octave, iteration=iteration + 1)
            gradient = work_dir.gradient(size)
            try:
                score = _ascend(image, gradient.blank(), scorer, tiles, units, (y, x))
            except (RuntimeError, MemoryError) as error:
                job = _with_smaller_tiles(work_dir, job, error)
                tiles = scorer.halo.tiles(size, job.note.recipe.tile, wrapped_axes(recipe.wrap))
                units = scorer.units(tiles)
                with _lack_said(work_dir, job):
                    score = _ascend(image, gradient.blank(), scorer, tiles, units, (y, x))
            update(work_dir, image, gradient, work_dir.image(state, size).blank(), recipe)
            work_dir.reach(state)
            yield Progress(
                octave, iteration, len(sizes), recipe.iterations, size, score, min(finished / work, 1.0)
            )
        if octave + 1 < len(sizes) and reached.octave <= octave:
            _carry(work_dir, job, octave)


def _with_smaller_tiles(work_dir: WorkDir, job: Job, error: Exception) -> Job:
    """Write a job down with tiles of half the side if memory ran out, so that going on cuts them so too."""
    if not is_out_of_memory(error) or job.shrunk:
        with _lack_said(work_dir, job):
            raise error
    side = max(1, (job.note.recipe.tile or 0) // 2)
    log.warning("memory ran out; going on in tiles of %d pixels", side)
    recipe = job.note.recipe.with_options(tile=side)
    job = job.model_copy(update={"note": job.note.model_copy(update={"recipe": recipe}), "shrunk": True})
    work_dir.write(job)
    give_back()
    return job


@contextmanager
def _lack_said(work_dir: WorkDir, job: Job) -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise RecipeError(
            f"memory ran out on the dream in {work_dir.folder}; close other programs and go on with: "
            f"{resume_words(work_dir.folder, job)}"
        ) from error


def _ascend(
    image: Canvas,
    gradient: Canvas,
    scorer: TileScorer,
    tiles: list[Tile],
    units: dict[str, int],
    shift: tuple[int, int],
) -> float:
    """Add the gradient of a picture rolled by (y, x) up on a canvas, rolled back, and return the score."""
    score = 0.0
    for tile in tiles:
        rows, columns = _unrolled(tile.rows, shift[0]), _unrolled(tile.columns, shift[1])
        share, part = scorer(image.read(rows, columns).to(scorer.device), tile, units)
        gradient.add(rows, columns, part)
        score += share
    return score


def _unrolled(span: Span, shift: int) -> range:
    return range(span.start - shift, span.stop - shift)


def _carry(work_dir: WorkDir, job: Job, octave: int) -> None:
    """Add the detail of a finished octave to the next one's picture, which is then the dream."""
    size, larger = job.sizes[octave], job.sizes[octave + 1]
    base, next_base = work_dir.base(octave, size), work_dir.base(octave + 1, larger)
    image = work_dir.image(State(octave=octave, iteration=job.note.recipe.iterations), size)
    state = State(octave=octave + 1)
    result = work_dir.image(state, larger).blank()
    for rows in result.strips():
        detail = resized_rows(
            lambda each: image.read(each) - base.read(each),
            size[0],
            larger,
            rows,
            wrapped_axes(job.note.recipe.wrap),
        )
        result.write(rows, begin_octave(next_base.read(rows) + detail, job.note.recipe))
    work_dir.reach(state)
    later = [work_dir.base(i, each) for i, each in enumerate(job.sizes) if i > octave]
    work_dir.sweep(result, *later)


def _prepare(work_dir: WorkDir, job: Job) -> None:
    """Write the picture at each octave's size, and the first octave's as the dream's beginning."""
    recipe = job.note.recipe
    source = opened(None if job.source is None else Path(job.source), recipe)
    top = len(job.sizes) - 1
    level = work_dir.base(top, job.sizes[top])
    images.write_raw(source, level.path)
    for octave in range(top - 1, -1, -1):
        level = _shrunk(level, work_dir.base(octave, job.sizes[octave]), wrapped_axes(recipe.wrap))
    state = State()
    image = work_dir.image(state, job.sizes[0]).blank()
    for rows in image.strips():
        image.write(rows, begin_octave(level.read(rows), recipe))
    work_dir.reach(state)


def _shrunk(level: Canvas, smaller: Canvas, wrap: tuple[bool, bool]) -> Canvas:
    smaller.blank()
    for rows in smaller.strips():
        smaller.write(rows, resized_rows(level.read, level.size[0], smaller.size, rows, wrap))
    return smaller


def _finish(work_dir: WorkDir, job: Job, output: Output, deepzoom: Output | None) -> None:
    """Write the picture, and then clear up."""
    recipe, size = job.note.recipe, job.sizes[-1]
    last = work_dir.image(State(octave=len(job.sizes) - 1, iteration=recipe.iterations), size)
    brightness = 1.0 if recipe.clip else _brightness(last)

    def result() -> tuple[Any, Any]:
        """Open the dream and the picture, which are read once each time."""
        source = opened(None if job.source is None else Path(job.source), recipe)
        image = streamed(last, brightness=brightness)
        return image.bandjoin(source[3].cast("uchar")) if source.bands == 4 else image, source

    image, source = result()
    if not output.is_own:  # or it was killed just after this
        images.save(image, output, note=job.note.model_dump_json(), icc=images.profile_of(source))
    if deepzoom is not None and not deepzoom.is_own:
        images.save_pyramid(result()[0], deepzoom, output.path.stem)
    work_dir.reach(State(octave=len(job.sizes) - 1, iteration=recipe.iterations, finished=True))
    work_dir.sweep()
    if not job.kept:
        shutil.rmtree(work_dir.folder, ignore_errors=True)


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
        return images.open_input(source, recipe.size, recipe.enlarge)
    picture = start_picture(recipe)
    picture = picture.fitted(recipe.size) if recipe.size else picture
    picture = picture.enlarged(recipe.enlarge) if recipe.enlarge else picture
    return images.from_array(picture.array())
