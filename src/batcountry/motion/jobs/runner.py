"""Zooms and videos written to files: with a journal beside them, so that nothing done is lost."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

from typing_extensions import Unpack

from batcountry.backend.files import sha256_of
from batcountry.backend.outputs import Making, Output, check_apart
from batcountry.backend.policy import OPEN, STRICT, Policy
from batcountry.backend.threads import with_threads
from batcountry.dreams.inputs import input_files
from batcountry.dreams.keywords import PictureLike, VideoOptions, ZoomOptions
from batcountry.dreams.planning import said_bytes, said_seconds
from batcountry.dreams.prepare import prepare
from batcountry.errors import PictureError, RecipeError, VideoError
from batcountry.motion.api import initial_picture, motion_recipe, prepared_dream
from batcountry.motion.dreamed_video import Filming
from batcountry.motion.endless_zoom import Zoom
from batcountry.motion.flow import Flow
from batcountry.motion.frame import Frame
from batcountry.motion.io.decode import clip_of
from batcountry.motion.io.download import fetched, is_address
from batcountry.motion.jobs.journal import Journal
from batcountry.motion.jobs.outputs import new_output, store_of
from batcountry.motion.jobs.sinks import FrameSink
from batcountry.motion.jobs.specs import job_for, note_for
from batcountry.motion.note import MotionNote
from batcountry.motion.recipes import VideoRecipe, ZoomRecipe
from batcountry.recipe import Recipe

log = logging.getLogger("batcountry")


def save_zoom(
    image: PictureLike | None,
    output: str | Path,
    recipe: Recipe | ZoomRecipe | None = None,
    *,
    overwrite: bool = False,
    policy: Policy = OPEN,
    **options: Unpack[ZoomOptions],
) -> Path:
    """Zoom into a picture, dreaming on the way, and return the path of the film.

    Parameters
    ----------
    image
        What `batcountry.dream` takes; with None, the sky.
    output
        `.mp4`, `.webm`, `.mkv`, `.mov`, `.gif`, `.apng`, or the name of a new folder for frames. What comes
        to be there while the film is made is not replaced: the film then has another name, which is returned.
    recipe, options
        A `ZoomRecipe`, or a `Recipe` for its dreams, and fields of both by name.
    overwrite
        Whether an output that is there may be replaced.
    policy
        What the recipe may do, as for `batcountry.dream`.

    Raises
    ------
    BatCountryError
        If something given cannot be used.
    """
    made = saving_zoom(image, output, recipe, overwrite=overwrite, policy=policy, **options)
    for _ in made:
        pass
    return made.output.path


def save_video(
    source: str | Path,
    output: str | Path,
    recipe: Recipe | VideoRecipe | None = None,
    *,
    flow: Flow | None = None,
    overwrite: bool = False,
    policy: Policy = OPEN,
    **options: Unpack[VideoOptions],
) -> Path:
    """Dream on a video and return the path of the result, with the sound and subtitles of the source.

    Parameters
    ----------
    source
        A video file, or an address that yt-dlp understands.
    output
        As for `save_zoom`.
    recipe, options
        A `VideoRecipe`, or a `Recipe` for its dreams, and fields of both by name.
    flow
        Finds how things move between two frames; OpenCV's dense inverse search if not given.
    overwrite, policy
        As for `save_zoom`.

    Raises
    ------
    BatCountryError
        If something given cannot be used.
    """
    made = saving_video(source, output, recipe, flow=flow, overwrite=overwrite, policy=policy, **options)
    for _ in made:
        pass
    return made.output.path


def resume(folder: str | Path, *, policy: Policy = STRICT) -> Path:
    """Go on with an unfinished film from its journal, and return the film's path.

    Parameters
    ----------
    folder
        The journal.
    policy
        What the journal, which may be somebody else's, may ask for. Besides, files may be read, and the film written, in
        the folder that it lies in and below, and in the working folder and below.

    Raises
    ------
    BatCountryError
        If there is no journal, or the source or the network is no longer the same.
    PolicyError
        If it asks for more than is allowed, such as to run a function of Python's.
    """
    made = resuming(folder, policy=policy)
    for _ in made:
        pass
    return made.output.path


def saving_zoom(
    image: PictureLike | None,
    output: str | Path,
    recipe: Recipe | ZoomRecipe | None = None,
    *,
    named: str | None = None,
    overwrite: bool = False,
    policy: Policy = OPEN,
    **options: Unpack[ZoomOptions],
) -> Making[Frame]:
    """Write a zoom frame by frame; takes what `save_zoom` takes. The arguments are checked at the call."""
    motion = motion_recipe(ZoomRecipe, recipe, dict(options))
    path = Path(image) if isinstance(image, (str, Path)) else None
    goal = new_output(Path(output), [path, *input_files(motion.dream)], overwrite=overwrite)
    journal = Journal.beside(goal.path)
    goal.record = journal.record
    asked = prepared_dream(motion, dict(options), policy)
    picture = initial_picture(image, motion, policy)
    zoom = Zoom(picture, motion, asked)
    note = note_for(
        zoom.recipe,
        zoom.dreamer.model.weights_sha256,
        named or (None if path is None else str(path)),
        picture.sha256,
    )
    store = store_of(journal, goal, zoom.recipe, note, size=zoom.size[::-1])
    _say(zoom, journal, store, zoom.recipe.count)
    job = job_for(note, zoom.dreamer.model.name, path, goal)
    _clear(goal)
    journal.begin(job)
    if path is None and image is not None:
        picture.save(journal.folder / "source.png")
    return Making(policy.timed(_saved(journal, store, zoom, note)), goal, journal.folder)


def saving_video(
    source: str | Path,
    output: str | Path,
    recipe: Recipe | VideoRecipe | None = None,
    *,
    flow: Flow | None = None,
    named: str | None = None,
    overwrite: bool = False,
    policy: Policy = OPEN,
    **options: Unpack[VideoOptions],
) -> Making[Frame]:
    """Write a dreamed video frame by frame; takes what `save_video` takes. The arguments are checked at the call."""
    motion = motion_recipe(VideoRecipe, recipe, dict(options))
    path = None if is_address(str(source)) else Path(source)
    goal = new_output(Path(output), [path, *input_files(motion.dream)], overwrite=overwrite)
    journal = Journal.beside(goal.path)
    goal.record = journal.record
    asked = prepared_dream(motion, dict(options), policy)  # so that nothing is fetched for what cannot be
    if path is None:
        path = fetched(str(source), goal.path)
        check_apart(goal.path, [path])
    clip = clip_of(policy.check_file(path), motion.max_size)
    filming = Filming(clip, motion, asked, flow=flow)
    weights = filming.dreamer.model.weights_sha256
    note = note_for(filming.recipe, weights, named or str(source), sha256_of(path))
    store = store_of(journal, goal, filming.recipe, note, clip=clip, offset=filming.offset)
    _say(filming, journal, store, filming.count)
    job = job_for(note, filming.dreamer.model.name, path, goal)
    _clear(goal)
    journal.begin(job.model_copy(update={"own_flow": flow is not None}))
    return Making(policy.timed(_saved(journal, store, filming, note)), goal, journal.folder)


def resuming(folder: str | Path, *, flow: Flow | None = None, policy: Policy = STRICT) -> Making[Frame]:
    """Go on with an unfinished film frame by frame; takes what `resume` takes."""
    journal = Journal(Path(folder))
    policy = policy.allow(Path.cwd(), journal.folder.resolve().parent)
    job = journal.job()
    policy.check_place(job.output)
    policy.check_files(() if job.source is None else [job.source])
    if job.own_flow and flow is None:
        raise VideoError(
            f"{folder} was begun with a flow of your own; go on with resuming(folder, flow=…) in Python"
        )
    asked = prepare(job.recipe.dream, policy=policy)
    model = asked.open_model()
    if model.weights_sha256 != job.note.weights_sha256:
        raise RecipeError(
            f"{job.recipe.dream.model} has other weights now than when {folder} was begun; put those back"
        )
    output = journal.output
    if isinstance(job.recipe, ZoomRecipe):
        stored = journal.folder / "source.png"
        picture = initial_picture(stored if stored.exists() else job.source, job.recipe, policy)
        if not stored.exists() and picture.sha256 != job.note.input_sha256:
            raise PictureError(
                f"{job.source} is not the picture that {folder} was begun with; put that one back"
            )
        maker: Zoom | Filming = Zoom(picture, job.recipe, asked.with_model(model))
        store = store_of(journal, output, job.recipe, job.note, size=frame_size(maker))
    else:
        path = Path(str(job.source))
        if not path.is_file() or sha256_of(path) != job.note.input_sha256:
            raise VideoError(f"{path} is not the video that {folder} was begun with; put that one back")
        clip = clip_of(path, job.recipe.max_size)
        maker = Filming(clip, job.recipe, asked.with_model(model), flow=flow)
        store = store_of(journal, output, job.recipe, job.note, clip=clip, offset=maker.offset)
    steps = with_threads(_saved(journal, store, maker, job.note), job.threads)
    return Making(policy.timed(steps), output, journal.folder)


def _clear(output: Output) -> None:
    """Delete frames that may be replaced, so that none of them stays; a film is replaced when the new one is finished."""
    if output.overwrite and output.path.is_dir():
        shutil.rmtree(output.path)


def _saved(journal: Journal, store: FrameSink, maker: Zoom | Filming, note: MotionNote) -> Iterator[Frame]:
    """Make the frames that are not stored yet, each stored before the next, and then the film."""
    text = note.model_dump_json()
    with journal.alone():
        done = store.count()
        try:
            for frame in maker.frames(done, journal.state(done) if done else None):
                journal.keep(frame.index + 1, frame.state)
                store.add(frame)
                journal.forget(frame.index + 1)
                yield frame
        except (KeyboardInterrupt, GeneratorExit):
            if store.count():
                store.write_so_far(text)
            raise
        found = store.count()
        if found:
            store.write(text)
    journal.clear()
    if not found:
        raise VideoError("there is no frame between where the video is to begin and to end")


def frame_size(maker: Zoom | Filming) -> tuple[int, int]:
    """Return the (width, height) of a film's frames."""
    height, width = maker.dreamer.size
    return width, height


def _say(maker: Zoom | Filming, journal: Journal, store: FrameSink, count: int) -> None:
    """Say what it will take, and refuse if the disk has no room for it."""
    width, height = frame_size(maker)
    need = store.disk(count) + 4 * width * height * 12
    free = shutil.disk_usage(journal.folder.parent).free
    if free < need:
        raise VideoError(
            f"the film needs up to {said_bytes(need)} of disk in {journal.folder.parent}, and {said_bytes(free)} are free"
        )
    plan, seconds = maker.dreamer.plan, maker.seconds(count)
    log.info(
        "%d frames of %d×%d: about %s of memory, %s, up to %s of disk",
        count,
        width,
        height,
        said_bytes(plan.peak),
        said_seconds(seconds),
        said_bytes(need),
    )
