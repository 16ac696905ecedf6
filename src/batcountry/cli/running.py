"""Dreams on one picture, watched and written: in memory, or on disk where memory would not do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from batcountry.backend.folders import make_folder
from batcountry.backend.outputs import Output
from batcountry.cli.outputs import save_picture
from batcountry.cli.screen import Stopped, watched
from batcountry.cli.stopping import stopped
from batcountry.errors import PictureError
from batcountry.recipe.units import parsed_size

if TYPE_CHECKING:
    from batcountry.dreams.prepare import Prepared
    from batcountry.dreams.resolve import Resolved
    from batcountry.dreams.steps import Step
    from batcountry.image.picture import Picture


@dataclass
class Outputs:
    """What becomes of a dream. The names are final when it is finished.

    Attributes
    ----------
    save_steps
        A folder for the picture after every iteration.
    work
        The folder for a dream on disk, which is then one whatever its size.
    deepzoom
        The folder of a deep-zoom pyramid.
    """

    picture: Output
    save_steps: Output | None = None
    work: Path | None = None
    deepzoom: Output | None = None


def run_dream(
    image: Path | None,
    outputs: Outputs,
    asked: Prepared | Resolved,
    *,
    named: str | None = None,
    hint: str | None = None,
) -> None:
    """Dream on a picture, or with None on a start, and write the result.

    Parameters
    ----------
    asked
        How to dream.
    named
        What the result says of the picture's name.
    hint
        What is said of how to go on if a dream in memory is stopped.

    Raises
    ------
    Stopped
        On Ctrl-C; what there is of the picture is kept.
    """
    from batcountry.dreams.planning import fits_in_memory
    from batcountry.image.files import picture_size

    size = picture_size(image) if image else parsed_size(asked.recipe.canvas)[::-1]
    if outputs.work is not None or not fits_in_memory(size, asked.recipe):
        if outputs.save_steps is not None:
            raise PictureError(
                "a picture on disk is not written after every iteration; leave --save-steps out"
            )
        _on_disk(image, outputs, asked, named=named)
    else:
        _in_memory(image, outputs, asked, named=named, hint=hint)


def _title(image: Path | None) -> str:
    return image.name if image else "a start of its own"


def _on_disk(image: Path | None, outputs: Outputs, asked: Prepared | Resolved, *, named: str | None) -> None:
    from batcountry.dreams.disk import dreaming_on_disk

    picture, deepzoom = outputs.picture, outputs.deepzoom
    steps = dreaming_on_disk(
        image,
        picture.path,
        asked,
        work=outputs.work,
        deepzoom=None if deepzoom is None else deepzoom.path,
        overwrite=picture.overwrite,
        named=named,
    )
    for _ in watched(steps, _title(image), f"go on with: {steps.command}"):
        pass
    picture.path = steps.output.path
    if deepzoom is not None and steps.deepzoom is not None:
        deepzoom.path = steps.deepzoom.path


def _in_memory(
    image: Path | None,
    outputs: Outputs,
    asked: Prepared | Resolved,
    *,
    named: str | None,
    hint: str | None,
) -> None:
    from batcountry.dreams.api import dreaming
    from batcountry.image.reading import read_picture

    if outputs.deepzoom is not None:
        from batcountry.image.vips import vips

        vips()  # or it would be missed at the end
    picture = None if image is None else read_picture(image, policy=asked.policy)
    if picture is not None and named is not None:
        picture = replace(picture, source=named)  # so that a dream made again has the very same note
    if outputs.save_steps is not None:
        make_folder(outputs.save_steps.path)
    step: Step | None = None
    try:
        for step in watched(dreaming(picture, asked), _title(image)):
            _save_step(step, outputs.save_steps)
        assert step is not None  # a dream has at least one
        save_picture(found := step.picture(), outputs.picture)
    except (Stopped, KeyboardInterrupt):
        raise stopped(step, outputs.picture.path, hint) from None
    if outputs.deepzoom is not None:
        _save_pyramid(found, outputs.deepzoom, outputs.picture.path.stem)


def _save_step(step: Step, folder: Output | None) -> None:
    if folder is not None:
        name = f"octave_{step.octave}-iter_{step.iteration:03d}.png"
        save_picture(step.picture(), Output(folder.path / name, folder.overwrite))


def _save_pyramid(picture: Picture, output: Output, title: str) -> None:
    import numpy as np

    from batcountry.image.vips import from_array, save_pyramid

    save_pyramid(from_array(np.asarray(picture.image())), output, title)
