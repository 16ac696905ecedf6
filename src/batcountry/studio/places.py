"""Where a studio's files lie.

::

    studio.sqlite        jobs, events, pictures, uploads, unless another database is named
    uploads/             what clients sent, made anew
    pictures/            results
    thumbs/              small ones of both
    previews/            of what is being dreamed
    work/                folders of jobs that are not done
    looks/               pictures of looks, layers and channels
    token                what clients have to know

Names are ids that the studio made. Whatever else is asked for is not found, so that no name leads elsewhere.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from batcountry.errors import NotFound, StudioError

_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_SUFFIX = re.compile(r"(\.[a-z0-9]{1,8})?")


def new_id() -> str:
    """Return an id that nobody can guess: 16 characters of A–Z, a–z, 0–9, - and _."""
    return secrets.token_urlsafe(12)


def is_id(text: object) -> bool:
    """Whether a text can be an id, and so the name of a file."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def to_disk(path: Path) -> None:
    """Have a file, or all in a folder, on the disk, so that it is still there after a power cut."""
    for each in [path, *(path.rglob("*") if path.is_dir() else ()), path.parent]:
        if each.is_dir() and os.name == "nt":
            continue  # where folders cannot be opened
        handle = os.open(each, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class StudioFolder:
    """A studio's folder; nothing in it is made before `make`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / "studio.sqlite"
        self.uploads = path / "uploads"
        self.pictures = path / "pictures"
        self.thumbs = path / "thumbs"
        self.previews = path / "previews"
        self.work = path / "work"
        self.looks = path / "looks"
        self.token = path / "token"

    def make(self) -> StudioFolder:
        """Make the folder and those in it, which only this user may read; returns itself.

        Raises
        ------
        StudioError
            If that cannot be.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.uploads, self.pictures, self.thumbs, self.previews, self.work, self.looks):
                folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StudioError(
                f"the studio cannot use {self.path}: {error.strerror}; name another folder"
            ) from None
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise StudioError(f"the studio may not write into {self.path}; name another folder")
        return self

    def upload(self, id: str, suffix: str = ".png") -> Path:
        """Return the file of an upload."""
        return _named(self.uploads, "upload", id, suffix)

    def result(self, job: str, suffix: str = ".png", name: str = "") -> Path:
        """Return where a job's result goes: a file, or with no suffix a folder; `name` tells several apart."""
        return _named(self.pictures, "job", f"{job}-{name}" if name else job, suffix)

    def preview(self, job: str) -> Path:
        """Return the file of a job's preview, a JPEG or PNG by its content."""
        return _named(self.previews, "job", job, ".jpg")

    def job(self, id: str) -> Path:
        """Return the folder that a job works in."""
        return _named(self.work, "job", id, "")

    def layers(self, network: str) -> Path:
        """Return the folder for pictures of a network's layers."""
        return self.looks / network / "layers"

    def relative(self, path: Path) -> str:
        """Return a path as the database has it, from the studio's folder on, with `/`."""
        return path.relative_to(self.path).as_posix()

    def file(self, relative: str) -> Path:
        """Return the file that the database names; raises `StudioError` if that would lie elsewhere."""
        path = self.path / relative
        if Path(relative).is_absolute() or ".." in Path(relative).parts or "\0" in relative:
            raise StudioError(f"the database names {relative!r}, which is not in the studio's folder")
        return path


def _named(folder: Path, noun: str, id: str, suffix: str) -> Path:
    if not is_id(id) or not _SUFFIX.fullmatch(suffix):
        raise NotFound(noun, id)
    return folder / f"{id}{suffix}"
