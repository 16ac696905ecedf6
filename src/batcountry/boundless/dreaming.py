"""Dreams on pictures of any size: everything on disk, a tile in memory, and no iteration lost."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from batcountry.allocator import kept_memory
from batcountry.boundless import images
from batcountry.boundless.canvas import Canvas
from batcountry.boundless.job import Job, State, Workplace, needed_disk
from batcountry.dreamer import plan_dream, runnable_sizes
from batcountry.dreams import Progress
from batcountry.errors import PictureError, RecipeError
from batcountry.files import sha256_of
from batcountry.gradient import whole_gradient
from batcountry.memory import said_bytes
from batcountry.models.from_recipe import from_anywhere, open_recipe_model
from batcountry.octaves import resized_rows
from batcountry.picture import Picture
from batcountry.picture_files import check_writable
from batcountry.recipe import Note, Recipe
from batcountry.settling import Settled, settle
from batcountry.tiles import Span, Tile, TileScorer
from batcountry.wrap import wrapped_axes

log = logging.getLogger("batcountry")

PICTURE_BYTES = 0.5
"""Memory for each pixel of a picture on disk beside what the network takes; strips and windows are of one size."""


def dream_on_disk(
    image: str | Path | None,
    output: str | Path,
    recipe: Recipe | None = None,
    *,
    work: str | Path | None = None,
    deepzoom: str | Path | None = None,
    **options: Any,
) -> Path:
    """Dream on a picture that need not fit in memory, and return the path of the result.

    Parameters
    ----------
    image
        A picture file; with None, the sky.
    output
        Where the result goes: `.tif` (a tiled BigTIFF), `.png`, `.jpg` or `.webp`.
    work
        A new folder for the run, which `resume` goes on from, and which stays. With none it is made beside
        the output and deleted at the end.
    deepzoom
        A new folder for a deep-zoom pyramid with a page that shows it.
    recipe, options
        As for `batcountry.dream`.

    Raises
    ------
    BatCountryError
        If the picture, the model or an option cannot be used, or the disk is too small.
    """
    for _ in dreaming_on_disk(image, output, recipe, work=work, deepzoom=deepzoom, **options):
        pass
    return Path(output)


def resume(work: str | Path) -> Path:
    """Go on with a dream on disk from its last finished iteration, and return the path of the result.

    Raises
    ------
    BatCountryError
        If the folder has no dream in it, or the picture or the network is no longer the same.
    """
    for _ in resuming(work):
        pass
    return Path(Workplace(Path(work)).job().output)


def dreaming_on_disk(
    image: str | Path | None,
    output: str | Path,
    recipe: Recipe | None = None,
    *,
    work: str | Path | None = None,
    deepzoom: str | Path | None = None,
    named: str | None = None,
    **options: Any,
) -> Iterator[Progress]:
    """Dream on disk iteration by iteration; takes what `dream_on_disk` takes.

    `named` is what the result says of the picture's name. The arguments are checked at the call.
    """
    source, target = None if image is None else Path(image), Path(output)
    zoom = None if deepzoom is None else Path(deepzoom)
    check_writable(target)
    if zoom is not None:
        images.check_folder(zoom)
    settled = settle(recipe or Recipe(), options)
    check_on_disk(settled)
    model, objective, recipe = settled.model, settled.objective, settled.recipe
    opened = _opened(source, recipe)
    size = opened.height, opened.width
    images.check_size(target, (opened.width, opened.height))
    whole = whole_gradient(model, objective)
    sizes = runnable_sizes(model, objective.layers, size, recipe.octaves, recipe.octave_scale)
    cut = replace(settled, recipe=recipe.with_options(tile=recipe.tile or None))
    plan = plan_dream(cut, whole, sizes, PICTURE_BYTES)
    scorer = TileScorer(model, objective, ceiling=plan.ceiling)
    recipe = recipe.with_options(tile=plan.side or max(size))
    workplace = Workplace(_new_folder(target, work))
    log.info("%s, and %s of disk in %s", plan, said_bytes(needed_disk(sizes)), workplace.folder)
    note = Note(
        version=version("bat-country"),
        recipe=recipe,
        input=named if named is not None else None if image is None else str(image),
        input_sha256=_sky(recipe).sha256 if source is None else sha256_of(source),
        weights_sha256=model.weights_sha256,
    )
    job = Job(
        note=note,
        model=from_anywhere(model.name),
        weights=None if recipe.weights is None else from_anywhere(recipe.weights),
        source=None if source is None else str(source.resolve()),
        sizes=sizes,
        output=str(target.resolve()),
        deepzoom=None if zoom is None else str(zoom.resolve()),
        threads=torch.get_num_threads(),
        kept=work is not None,
        ceiling=plan.ceiling,
    )
    workplace.begin(job)
    return _worked(workplace, job, scorer)


def resuming(work: str | Path) -> Iterator[Progress]:
    """Go on with a dream on disk iteration by iteration; takes what `resume` takes."""
    workplace = Workplace(Path(work))
    job = workplace.job()
    recipe = job.note.recipe
    state = workplace.state()
    if state is not None and state.finished:
        raise RecipeError(f"the dream in {work} is finished; it is in {job.output}")
    if job.source is not None and sha256_of_input(Path(job.source)) != job.note.input_sha256:
        raise PictureError(f"{job.source} is not the picture that {work} was begun with; put that one back")
    model = open_recipe_model(recipe.with_options(model=job.model, weights=job.weights))
    if model.weights_sha256 != job.note.weights_sha256:
        raise RecipeError(f"{job.model} has other weights now than when {work} was begun; put those back")
    settled = settle(recipe, {"model": model})
    return _worked(workplace, job, TileScorer(settled.model, settled.objective, ceiling=job.ceiling))


def check_on_disk(settled: Settled) -> None:
    """Raise `RecipeError` for what a dream on disk cannot do.

    It goes tile by tile and strip by strip, in plain ascent, and its number of finished iterations is all that
    it remembers.
    """
    recipe, usual = settled.recipe, Recipe()
    if settled.model.channels != 3:
        raise RecipeError(
            f"{settled.model.name} takes {settled.model.channels} channels, and pictures on disk are of colours"
        )
    for name in ("param", "optimizer", "normalise", "decay_every", "transforms", "mask", "redirect_relu"):
        if getattr(recipe, name) != getattr(usual, name):
            raise RecipeError(
                f"a picture on disk is dreamed on by plain ascent on pixels: {name} cannot be "
                f"{getattr(recipe, name)!r} there; leave it out, or make the picture smaller with size"
            )
    if settled.objective.of_image or settled.objective.beside:
        raise RecipeError(
            f"{settled.objective} reads the picture itself or a mask, which a picture on disk is too large for; "
            "choose an objective of layers alone, or make the picture smaller with size"
        )


def sha256_of_input(path: Path) -> str:
    """Return the hash of a picture's file; raises `PictureError` if it is not there."""
    try:
        return sha256_of(path)
    except OSError as error:
        raise PictureError(f"{path} cannot be read: {error.strerror}; put the picture back") from None


def _worked(workplace: Workplace, job: Job, scorer: TileScorer) -> Iterator[Progress]:
    if torch.get_num_threads() != job.threads:
        torch.set_num_threads(job.threads)
    with workplace.alone():
        if workplace.state() is None:
            _prepare(workplace, job)
        with kept_memory():  # no longer: libvips needs room too
            yield from _climbed(workplace, job, scorer)
        _finish(workplace, job)


def _climbed(workplace: Workplace, job: Job, scorer: TileScorer) -> Iterator[Progress]:
    """Run all iterations that are not finished yet, each from one canvas to another."""
    recipe, sizes = job.note.recipe, job.sizes
    dice = np.random.RandomState(recipe.seed)
    work = sum(height * width for height, width in sizes) * recipe.iterations
    reached = workplace.state() or State()
    finished = 0
    for octave, size in enumerate(sizes):
        tiles = scorer.halo.tiles(size, recipe.tile, wrapped_axes(recipe.wrap))
        units: dict[str, int] = {}
        for iteration in range(recipe.iterations):
            x, y = (int(each) for each in dice.randint(-recipe.jitter, recipe.jitter + 1, 2))
            finished += size[0] * size[1]
            if (octave, iteration) < (reached.octave, reached.iteration):
                continue
            units = units or scorer.units(tiles)
            state = State(octave=octave, iteration=iteration)
            image = workplace.image(state, size)
            state = State(octave=octave, iteration=iteration + 1)
            gradient = workplace.gradient(size).blank()
            score = _ascend(image, gradient, scorer, tiles, units, (y, x))
            _update(image, gradient, workplace.image(state, size).blank(), recipe)
            workplace.reach(state)
            yield Progress(
                octave, iteration, len(sizes), recipe.iterations, size, score, min(finished / work, 1.0)
            )
        if octave + 1 < len(sizes) and reached.octave <= octave:
            _carry(workplace, job, octave)


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


def _update(image: Canvas, gradient: Canvas, result: Canvas, recipe: Recipe) -> None:
    """Write the picture one step on, as `batcountry.ascent.Ascent` does, strip by strip."""
    total = sum(float(gradient.read(rows).abs().sum(dtype=torch.float64)) for rows in gradient.strips())
    mean = total / (3 * image.size[0] * image.size[1])
    rate = (recipe.step_size or 0.0) / mean if mean > 0 else 0.0
    for rows in image.strips():
        values = image.read(rows) + rate * gradient.read(rows)
        result.write(rows, values.clamp_(0, 255) if recipe.clip else values)


def _carry(workplace: Workplace, job: Job, octave: int) -> None:
    """Add the detail of a finished octave to the next one's picture, which is then the dream."""
    size, larger = job.sizes[octave], job.sizes[octave + 1]
    base, next_base = workplace.base(octave, size), workplace.base(octave + 1, larger)
    image = workplace.image(State(octave=octave, iteration=job.note.recipe.iterations), size)
    state = State(octave=octave + 1)
    result = workplace.image(state, larger).blank()
    for rows in result.strips():
        detail = resized_rows(
            lambda each: image.read(each) - base.read(each),
            size[0],
            larger,
            rows,
            wrapped_axes(job.note.recipe.wrap),
        )
        result.write(rows, next_base.read(rows) + detail)
    workplace.reach(state)
    later = [workplace.base(i, each) for i, each in enumerate(job.sizes) if i > octave]
    workplace.sweep(result, *later)


def _prepare(workplace: Workplace, job: Job) -> None:
    """Write the picture at each octave's size, and the first octave's as the dream's beginning."""
    recipe = job.note.recipe
    source = _opened(None if job.source is None else Path(job.source), recipe)
    top = len(job.sizes) - 1
    level = workplace.base(top, job.sizes[top])
    images.write_raw(source, level.path)
    for octave in range(top - 1, -1, -1):
        level = _shrunk(level, workplace.base(octave, job.sizes[octave]), wrapped_axes(recipe.wrap))
    state = State()
    shutil.copyfile(level.path, workplace.image(state, job.sizes[0]).path)
    workplace.reach(state)


def _shrunk(level: Canvas, smaller: Canvas, wrap: tuple[bool, bool]) -> Canvas:
    smaller.blank()
    for rows in smaller.strips():
        smaller.write(rows, resized_rows(level.read, level.size[0], smaller.size, rows, wrap))
    return smaller


def _finish(workplace: Workplace, job: Job) -> None:
    """Write the picture, and then clear up."""
    recipe, size = job.note.recipe, job.sizes[-1]
    last = workplace.image(State(octave=len(job.sizes) - 1, iteration=recipe.iterations), size)
    brightness = 1.0 if recipe.clip else _brightness(last)

    def result() -> tuple[Any, Any]:
        """Open the dream and the picture, which are read once each time."""
        source = _opened(None if job.source is None else Path(job.source), recipe)
        image = images.streamed(last, brightness=brightness)
        return image.bandjoin(source[3].cast("uchar")) if source.bands == 4 else image, source

    image, source = result()
    images.save(image, Path(job.output), note=job.note.model_dump_json(), icc=images.profile_of(source))
    if job.deepzoom is not None and not Path(job.deepzoom, "index.html").exists():
        images.save_pyramid(result()[0], Path(job.deepzoom), Path(job.output).stem)
    workplace.reach(State(octave=len(job.sizes) - 1, iteration=recipe.iterations, finished=True))
    workplace.sweep()
    if not job.kept:
        shutil.rmtree(workplace.folder, ignore_errors=True)


def _brightness(image: Canvas) -> float:
    """Return the factor that brings an unclipped dream's brightest 0.02 % to white, from a sample of its rows."""
    step = max(1, image.size[0] // 2048)
    sample = np.concatenate(
        [image.read(range(row, row + 1)).numpy().ravel() for row in range(0, image.size[0], step)]
    )
    return 255.0 / max(float(np.percentile(sample, 99.98)), 1.0)


def _opened(source: Path | None, recipe: Recipe) -> Any:
    if source is not None:
        return images.open_input(source, recipe.size, recipe.enlarge)
    picture = _sky(recipe)
    picture = picture.fitted(recipe.size) if recipe.size else picture
    picture = picture.enlarged(recipe.enlarge) if recipe.enlarge else picture
    return images.from_array(picture.array())


def _sky(recipe: Recipe) -> Picture:
    from batcountry.picture import read_picture
    from batcountry.sky import sky

    return read_picture(sky(seed=recipe.seed))


def _new_folder(output: Path, work: str | Path | None) -> Path:
    if work is None:
        return Path(tempfile.mkdtemp(prefix=f"{output.stem}-work-", dir=output.parent))
    folder = Path(work)
    images.check_folder(folder)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise PictureError(f"cannot make the folder {folder}: {error.strerror}") from None
    return folder
