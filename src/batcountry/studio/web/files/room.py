"""Room for what is to be kept: of the quota, and on the disk."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from batcountry.errors import NotFound, StudioError, StudioFull
from batcountry.studio.places import StudioFolder
from batcountry.studio.settings import StudioSettings
from batcountry.studio.store.database import Database
from batcountry.studio.store.pictures import Picture, Pictures
from batcountry.studio.store.uploads import Uploads

SPARE = 256 << 20
"""Bytes that stay free on the disk."""

UNDO_SECONDS = 7 * 86_400.0
"""So long can a deleted picture be had back."""

FORM_SECONDS = 86_400.0
"""So long is an upload kept for the form of who sent it, when room is short."""

_AT_ONCE = 20


class Keeper(Protocol):
    """What keeps pictures and uploads, as a `Studio` does."""

    @property
    def settings(self) -> StudioSettings:
        """How much it may keep."""

    @property
    def folder(self) -> StudioFolder:
        """Where it keeps it."""

    @property
    def pictures(self) -> Pictures:
        """Results."""

    @property
    def uploads(self) -> Uploads:
        """What clients sent."""


@dataclass(frozen=True)
class Keeping:
    """A keeper, where there is no `Studio`."""

    settings: StudioSettings
    folder: StudioFolder
    pictures: Pictures
    uploads: Uploads

    @classmethod
    def of(cls, settings: StudioSettings, database: Database) -> Keeping:
        """Return what keeps a studio's pictures in a database."""
        return cls(settings, settings.places, Pictures(database), Uploads(database))


def used_bytes(studio: Keeper) -> int:
    """Return how many bytes all pictures and uploads have."""
    return studio.pictures.used_bytes() + studio.uploads.used_bytes()


def free_bytes(studio: Keeper) -> int:
    """Return how many bytes are free on the disk of the studio's folder; raises `StudioError` if it is not there."""
    try:
        return shutil.disk_usage(studio.folder.path).free
    except OSError as error:
        raise StudioError(f"the studio's folder cannot be used: {error.strerror}; put it back") from None


def check_disk(studio: Keeper, more: int = 0) -> None:
    """Check that the studio's folder is there, and has room for so many bytes; raises `StudioError`."""
    if free_bytes(studio) < more + SPARE:
        raise StudioFull("the disk is nearly full; make room on it, and send this again")


def make_room(studio: Keeper, more: int) -> None:
    """See to it that so many bytes can be kept; if the settings say so, the oldest pictures go that are no favorites.

    Raises
    ------
    StudioError
        If there is no room, or no folder; the sentence says what to do.
    """
    check_disk(studio, more)
    quota = studio.settings.quota_bytes
    if quota is None:
        return
    while (over := used_bytes(studio) + more - quota) > 0:
        drops = studio.settings.drop_oldest and over <= _droppable_bytes(studio)
        if not (sweep(studio, time.time()) or (drops and _drop(studio))):
            raise StudioFull(
                f"the studio's quota of {quota / 1e6:,.1f} MB is used up, and {over / 1e6:,.1f} MB more are needed; "
                "delete some pictures"
            )


def _droppable_bytes(studio: Keeper) -> int:
    """Return how many bytes can be let go at most, so that nothing goes where that would not be enough."""
    before = time.time() - FORM_SECONDS
    return studio.pictures.used_bytes(favorites=False) + studio.uploads.used_bytes(before)


def _drop(studio: Keeper) -> bool:
    """Let go of what is needed least, and return whether there was anything."""
    return bool(sweep_uploads(studio, time.time() - FORM_SECONDS)) or _drop_oldest(studio)


def _drop_oldest(studio: Keeper) -> bool:
    oldest = studio.pictures.oldest(1)
    for each in oldest:
        studio.pictures.delete(each.id)
    return bool(oldest) and bool(sweep(studio, time.time() + 1))


def sweep(studio: Keeper, before: float) -> int:
    """Forget pictures that were deleted before a time, with their files, and return how many there were."""
    gone = studio.pictures.swept(before, _AT_ONCE)
    for each in gone:
        delete_files(studio, each)
    return len(gone)


def sweep_uploads(studio: Keeper, before: float) -> int:
    """Forget uploads from before a time that no job and no picture needs, with their files, and return how many there were."""
    gone = studio.uploads.unused(before, _AT_ONCE)
    for each in gone:
        with suppress(NotFound):  # another forgot it at the same time
            studio.uploads.forget(each.id)
        _delete(studio, studio.folder.file(each.file), studio.folder.uploads, each.id)
    return len(gone)


def delete_files(studio: Keeper, picture: Picture) -> None:
    """Delete a picture's files: itself, and small ones of it."""
    _delete(studio, studio.folder.file(picture.file), studio.folder.pictures, picture.id)


def _delete(studio: Keeper, path: Path, folder: Path, id: str) -> None:
    """Delete what lies in a folder of ours, and small ones of it."""
    if path.parent == folder:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()
    for each in studio.folder.thumbs.glob(f"{id}-*"):
        with suppress(OSError):
            each.unlink()
