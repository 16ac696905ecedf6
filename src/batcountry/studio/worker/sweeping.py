"""Deletes what jobs left behind that nobody goes on with."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from batcountry.backend.files import LEFT_BEHIND
from batcountry.errors import NotFound
from batcountry.studio.places import StudioFolder, is_id
from batcountry.studio.store.database import Database
from batcountry.studio.store.job import ENDED
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
        path.unlink()


def sweep_work(places: StudioFolder, database: Database) -> int:
    """Delete folders of jobs that are done, or ended otherwise a week ago, and return how many."""
    queue, count = Queue(database), 0
    for folder in list(places.work.iterdir()):
        if not is_id(folder.name) or not folder.is_dir() or folder.is_symlink():
            continue
        try:
            job = queue.get(folder.name)
        except NotFound:
            continue  # of another database
        old = job.ended is not None and job.ended < database.clock() - KEPT_SECONDS
        if job.state == "done" or (job.state in ENDED and old):
            shutil.rmtree(folder, ignore_errors=True)
            count += 1
    return count
