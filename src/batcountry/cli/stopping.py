"""Ctrl-C while a picture grows: what there is of it is kept, and how far it is."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from batcountry.backend.outputs import Output, free_name
from batcountry.cli.outputs import save_picture
from batcountry.cli.screen import Stopped
from batcountry.dreams.steps import where
from batcountry.recipe import Note
from batcountry.recipe.stopped import StoppedAt

if TYPE_CHECKING:
    from batcountry.dreams.steps import Step
    from batcountry.image.picture import Picture


def stopped(step: Step | None, target: Path, hint: str | None = None) -> Stopped:
    """Keep the picture after a step beside where the whole would go, and return what is to be said.

    Parameters
    ----------
    step
        The last one that was finished; None if there is none.
    hint
        How to go on; if not given, how to make the whole picture from the one that is kept.
    """
    if step is None:
        return Stopped("stopped before the first step was finished; nothing was written")
    said = f"stopped at {where(step)} ({100 * step.done:.0f} %)"
    output = Output(free_name(target.with_name(f"{target.stem}-stopped{target.suffix}")))
    try:
        picture = _noted(step)
        path = save_picture(picture, output)
    except KeyboardInterrupt:
        return Stopped(f"{said}, and again while the picture so far was written; nothing was written")
    width, height = picture.size
    hint = hint or f"for the whole of it: {again_command(path, Note.read(picture.note or '').recipe.model)}"
    return Stopped(f"{said}; the picture so far, {width}×{height}, is in {path}; {hint}")


def again_command(path: Path, model: str) -> str:
    """Return the command that makes a picture again, whose model has that name."""
    from batcountry.models.loaders.named import names_function

    return f"bat-country again {shlex.quote(str(path))}{' --run-code' if names_function(model) else ''}"


def _noted(step: Step) -> Picture:
    """Return the picture after a step with a note that says which one it was."""
    picture = step.picture()
    at = StoppedAt(
        octave=step.octave + 1,
        octaves=step.octaves,
        iteration=step.iteration + 1,
        iterations=step.iterations,
    )
    note = Note.read(picture.note or "").model_copy(update={"stopped": at})
    return picture.with_note(note.model_dump_json())
