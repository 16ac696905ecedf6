"""Dreams on pictures of any size: everything on disk, a tile in memory, and no iteration lost."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from typing_extensions import Unpack

from batcountry.backend.files import sha256_of
from batcountry.backend.outputs import check_apart, check_new
from batcountry.backend.policy import OPEN, STRICT, Policy
from batcountry.backend.threads import thread_limit
from batcountry.backend.version import __version__
from batcountry.dreams.disk.job import Job, WorkDir, needed_disk
from batcountry.dreams.disk.update import NORMALIZATIONS, STRIP_PARAMS
from batcountry.dreams.disk.worker import Making, opened
from batcountry.dreams.inputs import input_files
from batcountry.dreams.keywords import DreamOptions
from batcountry.dreams.octave_sizes import plan_dream, runnable_sizes
from batcountry.dreams.planning import Plan, said_bytes
from batcountry.dreams.prepare import Prepared, prepare
from batcountry.dreams.progress_bars import with_bar
from batcountry.dreams.resolve import Resolved, resolve
from batcountry.dreams.steps import where
from batcountry.errors import BatCountryError, PictureError, RecipeError
from batcountry.image import vips as images
from batcountry.image.files import check_writable
from batcountry.image.initial import start_picture
from batcountry.models.from_recipe import from_anywhere, open_recipe_model
from batcountry.optim.gradient import whole_gradient
from batcountry.optim.tiles import TileScorer
from batcountry.recipe import Note, Recipe

log = logging.getLogger("batcountry")

PICTURE_BYTES = 0.5
"""Memory for each pixel of a picture on disk beside what the network takes; strips and windows are of one size."""

STEP_SECONDS, END_SECONDS = 5e-8, 7e-8
"""Time for each pixel of a step and of the finished picture, beside what the network takes; measured on a fast disk."""


_IN_MEMORY = (
    *("optimizer", "decay_every", "transforms", "mask", "color", "rescale", "carry"),
    *("initial_size", "final_size", "windows", "redirect_relu", "alpha"),
)
"""Fields of a recipe that only a dream in memory can have."""


def dream_on_disk(
    image: str | Path | None,
    output: str | Path,
    recipe: Recipe | None = None,
    *,
    work: str | Path | None = None,
    deepzoom: str | Path | None = None,
    overwrite: bool = False,
    progress: bool = False,
    policy: Policy = OPEN,
    **options: Unpack[DreamOptions],
) -> Path:
    """Dream on a picture that need not fit in memory, and return the path of the result.

    Parameters
    ----------
    image
        A picture file; with None, what the recipe's `start` says.
    output
        Where the result goes: `.tif` (a tiled BigTIFF), `.png`, `.jpg` or `.webp`. What comes to be there
        in the meantime is not replaced: the result then has another name, which is returned.
    work
        A new folder for the run, which `resume` goes on from, and which stays. With none it is made beside
        the output and deleted at the end.
    deepzoom
        A new folder for a deep-zoom pyramid with a page that shows it.
    overwrite
        Whether an output and a deep-zoom pyramid that are there may be replaced.
    progress
        Show a bar with the time that is left.
    recipe, policy, options
        As for `batcountry.dream`.

    Raises
    ------
    BatCountryError
        If the picture, the model or an option cannot be used, or the disk is too small.
    """
    steps = dreaming_on_disk(
        image, output, recipe, work=work, deepzoom=deepzoom, overwrite=overwrite, policy=policy, **options
    )
    for _ in with_bar(steps, where) if progress else steps:
        pass
    return steps.output.path


def resume(work: str | Path, *, policy: Policy = STRICT) -> Path:
    """Go on with a dream on disk from its last finished iteration, and return the path of the result.

    Parameters
    ----------
    work
        The folder.
    policy
        What the folder, which may be somebody else's, may ask for. Besides, files may be read, and the result written,
        in the folder that it lies in and below, and in the working folder and below.

    Raises
    ------
    BatCountryError
        If the folder has no dream in it, or the picture or the network is no longer the same.
    PolicyError
        If it asks for more than is allowed, such as to run a function of Python's.
    """
    steps = resuming(work, policy=policy)
    for _ in steps:
        pass
    return steps.output.path


def dreaming_on_disk(
    image: str | Path | None,
    output: str | Path,
    recipe: Recipe | Prepared | Resolved | None = None,
    *,
    work: str | Path | None = None,
    deepzoom: str | Path | None = None,
    named: str | None = None,
    overwrite: bool = False,
    policy: Policy = OPEN,
    **options: Unpack[DreamOptions],
) -> Making:
    """Dream on disk iteration by iteration; takes what `dream_on_disk` takes, and what is prepared or resolved already.

    `named` is what the result says of the picture's name. The arguments are checked at the call.
    """
    source, target = None if image is None else Path(image), Path(output)
    zoom = None if deepzoom is None else Path(deepzoom)
    asked = recipe if isinstance(recipe, (Prepared, Resolved)) else prepare(recipe, dict(options), policy)
    _check_outputs(target, zoom, [source, *input_files(asked.recipe)], overwrite=overwrite)
    resolved = resolve(asked)
    check_on_disk(resolved)
    if source is not None:
        resolved.policy.check_file(source)
    picture = opened(source, resolved.recipe)
    images.check_size(target, (picture.width, picture.height))
    sizes, plan = _planned(resolved, (picture.height, picture.width))
    scorer = TileScorer(resolved.model, resolved.objective, ceiling=plan.ceiling)
    name = str(image) if named is None and image is not None else named
    job = Job(
        note=_note(resolved, plan.side or max(sizes[-1]), len(sizes), source, name),
        model=from_anywhere(resolved.model.name),
        weights=None if resolved.recipe.weights is None else from_anywhere(resolved.recipe.weights),
        source=None if source is None else str(source.resolve()),
        sizes=sizes,
        output=str(target.absolute()),
        deepzoom=None if zoom is None else str(zoom.absolute()),
        overwrite=overwrite,
        threads=thread_limit(),
        kept=work is not None,
        ceiling=plan.ceiling,
    )
    new = work is None or not Path(work).is_dir()
    work_dir = WorkDir(_new_folder(target, work))
    log.info("%s, and %s of disk in %s", plan, said_bytes(needed_disk(sizes)), work_dir.folder)
    _begin(work_dir, job, new=new)
    steps = Making(work_dir, job, scorer, resolved.policy)
    steps.output.path = target  # as the caller says it
    if steps.deepzoom is not None and zoom is not None:
        steps.deepzoom.path = zoom
    return steps


def _check_outputs(
    target: Path, zoom: Path | None, inputs: Sequence[Path | None], *, overwrite: bool
) -> None:
    check_writable(target)
    check_apart(target, inputs)
    check_new(target, overwrite=overwrite)
    if zoom is not None:
        images.check_pyramid(zoom, inputs, overwrite=overwrite)


def _planned(resolved: Resolved, size: tuple[int, int]) -> tuple[list[tuple[int, int]], Plan]:
    """Return the octaves' sizes for a picture of (height, width), and how to work them out; tiles cannot be left out."""
    model, objective, recipe = resolved.model, resolved.objective, resolved.recipe
    resolved.policy.check_pixels(size[::-1], "the dream")
    sizes = runnable_sizes(model, objective.layers, size, recipe.octaves, recipe.octave_scale)
    resolved.policy.check_steps(len(sizes) * recipe.iterations)
    cut = replace(resolved, recipe=recipe.chosen(tile=recipe.tile or None))
    plan = plan_dream(cut, whole_gradient(model, objective), sizes, PICTURE_BYTES)
    pixels = [height * width for height, width in sizes]
    aux_inputs = STEP_SECONDS * sum(pixels) * recipe.iterations + END_SECONDS * pixels[-1]
    resolved.policy.check_seconds(plan.seconds + aux_inputs)
    return sizes, replace(plan, seconds=plan.seconds + aux_inputs)


def _note(resolved: Resolved, side: int, octaves: int, source: Path | None, name: str | None) -> Note:
    """Return the finished picture's note: of tiles of a side in pixels, and of a picture file with the name it has there.

    `octaves` are as many as there are, if the recipe leaves their number to the picture's size.
    """
    recipe = resolved.recipe.chosen(tile=side, octaves=resolved.recipe.octaves or octaves)
    return Note(
        version=__version__,
        recipe=recipe,
        input=name,
        input_sha256=start_picture(recipe).sha256 if source is None else sha256_of(source),
        weights_sha256=resolved.model.weights_sha256,
    )


def _begin(work_dir: WorkDir, job: Job, *, new: bool) -> None:
    """Write the job down; if that cannot be, a folder that is new is not left behind."""
    try:
        work_dir.begin(job)
    except (BatCountryError, OSError) as error:
        if new:
            work_dir.folder.rmdir()
        if isinstance(error, OSError):
            raise PictureError(f"cannot write into {work_dir.folder}: {error.strerror}") from None
        raise


def resuming(work: str | Path, *, policy: Policy = STRICT) -> Making:
    """Go on with a dream on disk iteration by iteration; takes what `resume` takes."""
    work_dir = WorkDir(Path(work))
    policy = policy.allow(Path.cwd(), work_dir.folder.resolve().parent)
    job = work_dir.job()
    recipe = job.note.recipe
    _check_job(job, policy)
    state = work_dir.state()
    if state is not None and state.finished:
        raise RecipeError(f"the dream in {work} is finished; it is in {work_dir.output(job).path}")
    if job.source is not None and sha256_of_input(Path(job.source)) != job.note.input_sha256:
        raise PictureError(f"{job.source} is not the picture that {work} was begun with; put that one back")
    model = open_recipe_model(recipe.chosen(model=job.model, weights=job.weights), policy=policy)
    if model.weights_sha256 != job.note.weights_sha256:
        raise RecipeError(f"{job.model} has other weights now than when {work} was begun; put those back")
    resolved = resolve(recipe, {"model": model}, policy)
    return Making(work_dir, job, TileScorer(resolved.model, resolved.objective, ceiling=job.ceiling), policy)


def _check_job(job: Job, policy: Policy) -> None:
    """Raise `PolicyError` for a job that reads or writes where it may not, or is of more pixels or steps than allowed."""
    policy.check_files(() if job.source is None else [job.source])
    for path in filter(None, (job.output, job.deepzoom)):
        policy.check_place(path)
    for size in job.sizes:
        policy.check_pixels(size[::-1], "the dream")
    policy.check_steps(len(job.sizes) * job.note.recipe.iterations)


def check_on_disk(resolved: Resolved) -> None:
    """Raise `RecipeError` for what a dream on disk cannot do.

    It goes tile by tile and strip by strip, in plain ascent, and its number of finished iterations is all that
    it remembers.
    """
    recipe, usual = resolved.recipe, Recipe()
    if resolved.model.channels != 3:
        raise RecipeError(
            f"{resolved.model.name} takes {resolved.model.channels} channels, and pictures on disk are of colors"
        )
    able = {"param": STRIP_PARAMS, "normalize": NORMALIZATIONS}
    for name in (*_IN_MEMORY, *able):
        value = getattr(recipe, name)
        if value not in able.get(name, [getattr(usual, name)]):
            raise RecipeError(
                f"a picture on disk is dreamed on by plain ascent pixel by pixel: {name} cannot be "
                f"{value!r} there; leave it out, or make the picture smaller with size"
            )
    if resolved.objective.of_image or resolved.objective.aux_inputs:
        raise RecipeError(
            f"{resolved.objective} reads the picture itself or a mask, which a picture on disk is too large for; "
            "choose an objective of layers alone, or make the picture smaller with size"
        )


def sha256_of_input(path: Path) -> str:
    """Return the hash of a picture's file; raises `PictureError` if it is not there."""
    try:
        return sha256_of(path)
    except OSError as error:
        raise PictureError(f"{path} cannot be read: {error.strerror}; put the picture back") from None


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
