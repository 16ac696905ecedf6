"""What is said of a job that was stopped: how far it is, what is kept of it, and how to go on."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from batcountry.recipe import Note

if TYPE_CHECKING:
    from batcountry.jobs import events


def said_of(event: events.Stopped, hint: str | None = None) -> str:
    """Return what is said of a job that was stopped: how far it was, what there is of it, and how to go on.

    Parameters
    ----------
    hint
        How to go on where there is no folder to go on from; if not given, how to make the whole picture from the one that is
        kept.
    """
    from batcountry.jobs.inputs import PICTURE

    if event.at is None:
        said = "stopped before the first step was finished"
    else:
        done = f"{100 * event.at.done:.0f} %"
        said = f"stopped at {event.at} ({done})" if str(event.at) else f"stopped at {done}"
    picture = event.outputs.get(PICTURE)
    if picture is not None and event.at is not None and event.at.size is not None:
        width, height = event.at.size
        said += f"; the picture so far, {width}×{height}, is in {picture}"
        hint = hint or f"for the whole of it: {again_command(Path(picture), _model_in(Path(picture)))}"
    elif event.outputs:
        said += f"; what is done is in {', '.join(event.outputs.values())}"
    elif event.folder is None:
        return f"{said}; nothing was written"
    if event.folder is not None:
        hint = f"go on with: {resume_command_of(Path(event.folder), event.at)}"
    said = f"{said}; {hint}" if hint else said
    return f"{said} ({said_counts(event.counts)})" if event.counts else said


def said_counts(counts: dict[str, int]) -> str:
    """Say how many things came to what."""
    return ", ".join(f"{number} {what}" for what, number in counts.items())


def resume_command_of(folder: Path, at: events.Progress | None) -> str:
    """Return the command that goes on with the job in a folder, which had come so far, with the leave that it needs."""
    from batcountry.backend.policy import STRICT
    from batcountry.jobs.folder import WITHIN, JobFolder
    from batcountry.models.from_recipe import resume_command

    spec = JobFolder(folder).spec()
    model = spec.inputs.get("model")
    files = [each.path for name, each in spec.inputs.items() if name != "model"]
    results = [each.path for each in spec.outputs.values()]
    pixels, steps = 0, 1
    if at is not None:
        pixels = at.size[0] * at.size[1] if at.size else 0
        steps = math.prod(each.of or 1 for each in at.where)
    large = pixels > (STRICT.max_pixels or 0) or steps > (STRICT.max_steps or 0)
    shown = folder.parent if folder.name == WITHIN else folder
    return resume_command(shown, "" if model is None else model.path, files, results, large=large)


def _model_in(picture: Path) -> str:
    from batcountry.image.files import read_note

    return Note.read(read_note(picture) or "").recipe.model


def again_command(path: Path, model: str) -> str:
    """Return the command that makes a picture again, whose model has that name."""
    from batcountry.models.loaders.named import names_function

    return f"bat-country again {shlex.quote(str(path))}{' --run-code' if names_function(model) else ''}"
