"""The job of the dream at work, in the folder of a job that dreams on a folder."""

from __future__ import annotations

import re
from pathlib import Path

from batcountry.backend.files import is_taken
from batcountry.backend.outputs import is_same
from batcountry.errors import JobError
from batcountry.jobs.bulk_batches import Todo
from batcountry.jobs.disk_kind import DiskJob
from batcountry.jobs.dream_kind import DreamJob
from batcountry.jobs.folder import JobFolder
from batcountry.jobs.inputs import PICTURE
from batcountry.jobs.messages import log
from batcountry.jobs.spec import JobSpec

_KINDS = ("dream", "dream-on-disk")  # as which a dream is made
_DREAM_FILES = re.compile(f"{DreamJob.own_files.pattern}|{DiskJob.own_files.pattern}")


def is_of(todo: Todo, spec: JobSpec | None) -> bool:
    """Whether a job is a dream that is to be made, and writes nothing else."""
    if spec is None or spec.kind not in _KINDS or set(spec.outputs) != {PICTURE}:
        return False
    is_here = is_same(spec.place(PICTURE).parent, todo.target.parent)
    of_picture = PICTURE in spec.inputs and is_same(spec.source(PICTURE), todo.picture)
    return is_here and of_picture and spec.recipe.get("layer") == todo.layer


def begun_in(current: Path) -> JobSpec | None:
    """Return the dream that was at work; None if there was none, or its folder is damaged."""
    try:
        return JobFolder.open(current).spec() if current.exists() else None
    except JobError as error:
        log.warning("a dream is begun anew: %s", error)
        return None


def clear(current: Path | None) -> None:
    """Delete the folder of the dream that was at work; raises `JobError` if there is something of somebody else's in it."""
    if current is not None and current.is_dir():
        JobFolder(current).clear(_DREAM_FILES)
    elif current is not None:
        current.unlink(missing_ok=True)
    if current is not None and is_taken(current):
        raise JobError(f"{current} has something in it that is no dream's; take it out, and go on")
