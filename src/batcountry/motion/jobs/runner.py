"""Zooms and videos written to files, as jobs, so that nothing done is lost."""

from __future__ import annotations

from pathlib import Path

from typing_extensions import Unpack

from batcountry.backend.policy import OPEN, STRICT, Policy
from batcountry.dreams.keywords import PictureLike, VideoOptions, ZoomOptions
from batcountry.jobs import runner
from batcountry.motion.flow import Flow
from batcountry.motion.jobs.specs import FILM, FLOW, video_spec, zoom_spec
from batcountry.motion.recipes import VideoRecipe, ZoomRecipe
from batcountry.recipe import Recipe


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
        `.mp4`, `.webm`, `.mkv`, `.mov`, `.gif`, `.apng`, `.webp`, or the name of a new folder for frames. What comes
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
    spec, objects = zoom_spec(image, output, recipe, overwrite=overwrite, policy=policy, options=options)
    return runner.finish(runner.run(spec, policy=policy, objects=objects))[FILM]


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
        A video file, an animated picture (GIF, APNG, WebP, AVIF), a folder of frames, or an address that yt-dlp understands.
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
    spec, objects = video_spec(
        source, output, recipe, flow=flow, overwrite=overwrite, policy=policy, options=options
    )
    return runner.finish(runner.run(spec, policy=policy, objects=objects))[FILM]


def resume(folder: str | Path, *, flow: Flow | None = None, policy: Policy = STRICT) -> Path:
    """Go on with an unfinished film from its journal, and return the film's path.

    Parameters
    ----------
    folder
        The journal, or the film.
    flow
        The function that the film was begun with, if it was.
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
    objects = {} if flow is None else {FLOW: flow}
    return runner.finish(runner.resume(folder, policy=policy, objects=objects))[FILM]
