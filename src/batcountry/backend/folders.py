"""Folders: of pictures, and those that work goes into, made and held by one process alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batcountry.errors import BatCountryError, PictureError

PICTURE_SUFFIXES = {
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".dib"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".avifs", ".jp2", ".j2k", ".jpx", ".heic", ".heif", ".hif"),
    *(".exr", ".hdr"),
}
"""How names of pictures end that are taken from a folder; a picture that is named may have any."""


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, if it is not there; raises `PictureError` if that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(f"cannot make the folder {folder}: {error.strerror}") from None


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; that of no possible name, such as one that is too long, is none."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def check_makeable(folder: Path) -> None:
    """Raise `PictureError` if `make_folder` would fail, or nothing could be written into the folder; makes nothing."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(each))
    if not there.is_dir():
        raise PictureError(f"cannot make the folder {folder}: {there} is a file")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PictureError(
            f"cannot write into {folder}: no permission to write in {there}; choose another folder"
        )


def pictures_in(folder: Path) -> list[Path]:
    """Return a folder's files whose suffixes are of pictures, sorted; raises `PictureError` if there are none.

    Hidden ones are left out: macOS puts a `._photo.png`, which is no picture, beside each `photo.png` on other disks.
    """
    if not is_folder(folder):
        raise PictureError(f"there is no folder {folder}; name a folder of pictures")
    found = sorted(
        each
        for each in folder.iterdir()
        if each.suffix.lower() in PICTURE_SUFFIXES and not each.name.startswith(".") and each.is_file()
    )
    if not found:
        raise PictureError(f"the folder {folder} has no pictures in it")
    return found


@contextmanager
def exclusive_lock(folder: Path, refusal: type[BatCountryError]) -> Iterator[None]:
    """Hold a folder's lock; the system lets go of it if the process dies.

    Raises
    ------
    BatCountryError
        Of the kind `refusal`, if another process holds it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise refusal(f"another process is at work in {folder}; wait until it is done") from None
    try:
        yield
    finally:
        lock.release()
