"""Specs of dreams, from what a caller gives: a picture, a recipe with options over it, and where results go."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from typing_extensions import Unpack

from batcountry.backend.outputs import Output
from batcountry.backend.policy import OPEN, Policy
from batcountry.dreams.keywords import DreamOptions
from batcountry.dreams.planning import fits_in_memory
from batcountry.dreams.prepare import prepare
from batcountry.image.files import picture_size
from batcountry.image.sources.addresses import picture_beside
from batcountry.jobs.bars import watched
from batcountry.jobs.inputs import PICTURE
from batcountry.jobs.runner import finish, run
from batcountry.jobs.spec import InputFile, JobSpec, json_of, places_of
from batcountry.recipe import Recipe
from batcountry.recipe.units import parsed_size


def dream_spec(
    image: str | Path | None,
    recipe: Recipe,
    outputs: Mapping[str, Output],
    *,
    on_disk: bool | None = None,
    named: str | None = None,
) -> JobSpec:
    """Return the spec of a dream on a picture file, or with None on the recipe's start.

    Parameters
    ----------
    outputs
        `picture`, and `steps` and `deepzoom` if those are wanted.
    on_disk
        Whether it is one on disk; if not given, it is if the picture does not fit in memory.
    named
        What the result says of the picture's name, if it is not that of the file.

    Raises
    ------
    PictureError
        If the picture cannot be read.
    """
    if on_disk is None:
        size = parsed_size(recipe.canvas)[::-1] if image is None else picture_size(image, recipe.frame or 1)
        on_disk = not fits_in_memory(size, recipe)
    return JobSpec(
        kind="dream-on-disk" if on_disk else "dream",
        recipe=json_of(recipe),
        inputs={} if image is None else {PICTURE: InputFile(path=str(image), name=named)},
        outputs=places_of(outputs),
    )


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
        A picture file, or an address, which is fetched beside the output; with None, what the recipe's `start` says.
    output
        Where the result goes: `.tif` (a tiled BigTIFF), `.png`, `.jpg` or `.webp`. What comes to be there
        in the meantime is not replaced: the result then has another name, which is returned.
    work
        A new folder for the run, which `batcountry.jobs.resume` goes on from, and which stays. With none it is made beside
        the output and deleted at the end.
    deepzoom
        A new folder for a deep-zoom pyramid with a page that shows it.
    overwrite
        Whether an output and a deep-zoom pyramid that are there may be replaced.
    progress
        Show a bar with the time that is left.
    policy
        What the recipe may do.
    recipe, options
        As for `batcountry.dream`. A folder can be gone on with if none of them is a function or a picture in memory.

    Raises
    ------
    BatCountryError
        If the picture, the model or an option cannot be used, or the disk is too small.
    """
    asked = prepare(recipe, dict(options), policy)
    outputs = {PICTURE: Output(Path(output), overwrite)}
    if deepzoom is not None:
        outputs["deepzoom"] = Output(Path(deepzoom), overwrite)
    if image is not None:
        image = picture_beside(image, Path(output), policy)
    spec = dream_spec(image, asked.recipe, outputs, on_disk=True)
    events = run(spec, folder=work, policy=policy, objects={"asked": asked})
    return finish(watched(events) if progress else events)[PICTURE]
