"""Dreams on one picture, watched and written: in memory, or on disk where memory would not do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from batcountry.cli.screen import watched
from batcountry.errors import PictureError
from batcountry.folders import make_folder
from batcountry.quantities import parsed_size
from batcountry.recipe import Recipe


def run_dream(
    image: Path | None,
    target: Path,
    options: dict[str, Any],
    *,
    save_steps: Path | None = None,
    work: Path | None = None,
    deepzoom: Path | None = None,
    named: str | None = None,
) -> None:
    """Dream on a picture, or with None on a start, and write the result.

    Parameters
    ----------
    options
        As for `batcountry.dream`; `model` may be an opened one.
    save_steps
        A folder for the picture after every iteration.
    work
        The folder for a dream on disk, which is then one whatever its size.
    deepzoom
        A new folder for a deep-zoom pyramid.
    named
        What the result says of the picture's name.
    """
    from batcountry.picture_files import check_writable, picture_size

    check_writable(target, transparent=_recipe(options).alpha)
    size = picture_size(image) if image else _canvas(options)
    if work is not None or not _fits(size, options):
        if save_steps is not None:
            raise PictureError(
                "a picture on disk is not written after every iteration; leave --save-steps out"
            )
        _on_disk(image, target, options, work=work, deepzoom=deepzoom, named=named)
    else:
        _in_memory(image, target, options, save_steps=save_steps, deepzoom=deepzoom, named=named)


def _fits(size: tuple[int, int], options: dict[str, Any]) -> bool:
    """Whether a picture of (width, height) can be dreamed on in memory, beside what a network takes."""
    from batcountry.memory import fits_in_memory

    return fits_in_memory(size, _recipe(options))


def _canvas(options: dict[str, Any]) -> tuple[int, int]:
    """Return width and height of the start."""
    height, width = parsed_size(_recipe(options).canvas)
    return width, height


def _recipe(options: dict[str, Any]) -> Recipe:
    return Recipe().with_options(**{k: v for k, v in options.items() if k != "model"})


def _on_disk(
    image: Path | None,
    target: Path,
    options: dict[str, Any],
    *,
    work: Path | None,
    deepzoom: Path | None,
    named: str | None,
) -> None:
    from batcountry.boundless import dreaming_on_disk
    from batcountry.models.from_recipe import resume_command

    steps = dreaming_on_disk(image, target, work=work, deepzoom=deepzoom, named=named, **options)
    model = options.get("model", "")
    name = model if isinstance(model, str) else model.name
    hint = f"go on with: {resume_command(work or Path(f'{target.stem}-work-…'), name)}"
    for _ in watched(steps, image.name if image else "a start of its own", hint):
        pass


def _in_memory(
    image: Path | None,
    target: Path,
    options: dict[str, Any],
    *,
    save_steps: Path | None,
    deepzoom: Path | None,
    named: str | None,
) -> None:
    from dataclasses import replace

    import numpy as np

    from batcountry.api import dreaming
    from batcountry.picture import read_picture

    if deepzoom is not None:
        from batcountry.boundless.images import check_folder, from_array, save_pyramid, vips

        vips()
        check_folder(deepzoom)
    picture = None if image is None else read_picture(image)
    if picture is not None and named is not None:
        picture = replace(picture, source=named)  # so that a dream made again has the very same note
    if save_steps is not None:
        make_folder(save_steps)
    for step in watched(dreaming(picture, **options), image.name if image else "a start of its own"):
        if save_steps is not None:
            step.picture().save(save_steps / f"octave_{step.octave}-iter_{step.iteration:03d}.png")
        if step.last:
            found = step.picture()
            found.save(target)
            if deepzoom is not None:
                save_pyramid(from_array(np.asarray(found.image())), deepzoom, target.stem)
