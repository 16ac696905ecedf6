"""Deletes what jobs left behind that nobody goes on with."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from batcountry.backend.files import LEFT_BEHIND
from batcountry.errors import JobError, NotFound
from batcountry.studio.places import StudioFolder, is_id
from batcountry.studio.store.database import Database
from batcountry.studio.store.job import ENDED, Job
from batcountry.studio.store.queue import Queue

KEPT_SECONDS = 7 * 86_400.0
"""How long a job that failed, was cancelled or set aside can be gone on with from where it was."""

_UNFINISHED_SECONDS = 86_400.0
"""After which nobody is still writing a file."""


def sweep(places: StudioFolder, database: Database) -> None:
    """Delete what nobody needs any more: folders of jobs, and files that a kill left half-written."""
    sweep_work(places, database)
    before = database.clock() - _UNFINISHED_SECONDS
    for folder in (places.pictures, places.previews, places.uploads, places.thumbs, places.looks):
        for each in folder.glob(f"{LEFT_BEHIND}*"):
            with suppress(OSError):  # it was finished just now
                if each.lstat().st_mtime < before:
                    _delete(each)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def clear_work(job: Job, places: StudioFolder) -> None:
    """Delete a job's folder and its preview."""
    for each in (places.job(job.id), places.preview(job.id)):
        with suppress(OSError):
            _delete(each)


def clear(job: Job, places: StudioFolder) -> None:
    """Delete what a job has so far: its folder, its preview, and what it wrote into the studio's own; raises `JobError`."""
    clear_work(job, places)
    for output in job.spec().outputs.values():
        path = Path(output.path)
        if path.parent == places.pictures and path.name.startswith(job.id):
            with suppress(OSError):
                _delete(path)


def sweep_work(places: StudioFolder, database: Database) -> int:
    """Delete folders and previews of jobs that are done, or ended otherwise a week ago, and return of how many.

    Of those that ended otherwise also results go, which are in no gallery.
    """
    queue, count = Queue(database), 0
    for id in {each.stem for folder in (places.work, places.previews) for each in folder.iterdir()}:
        if not is_id(id):
            continue
        try:
            job = queue.get(id)
        except NotFound:
            continue  # of another database
        old = job.ended is not None and job.ended < database.clock() - KEPT_SECONDS
        if job.state == "done":
            clear_work(job, places)
        elif job.state in ENDED and old:
            with suppress(JobError):  # of another version
                clear(job, places)
        else:
            continue
        count += 1
    return count
