"""What all kinds of files share: hashing, and writing whole or not at all, in place of nothing unless that is asked for."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from batcountry.errors import OutputExists

LEFT_BEHIND = ".batcountry-"
"""Beginning of the names of unfinished files, which a process that is killed leaves behind."""


def sha256_of(path: Path) -> str:
    """Return the hexadecimal sha256 of a file, read in pieces."""
    with path.open("rb") as file:
        return sha256_of_open(file)


def sha256_of_open(file: BinaryIO) -> str:
    """Return the hexadecimal sha256 of what is left of an open file, read in pieces."""
    digest = hashlib.sha256()
    while piece := file.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()


def replace_file(path: Path, *pieces: bytes | memoryview) -> None:
    """Write the pieces beside `path` and rename the file there, so that no reader ever sees half of it."""
    write_file(path, *pieces, overwrite=True)


def write_file(path: Path, *pieces: bytes | memoryview, overwrite: bool) -> None:
    """Write a file whole or not at all, as `replace_file`; see `place` for `overwrite` and what is raised."""
    with beside(path, *pieces) as temporary:
        place(temporary, path, overwrite=overwrite)


@contextmanager
def beside(path: Path, *pieces: bytes | memoryview) -> Iterator[Path]:
    """Write the pieces into a file beside `path`, which is to be given a name; it goes if that fails."""
    temporary = unused_name(path.parent, path.suffix)
    try:
        with temporary.open("xb") as file:
            file.writelines(pieces)
        yield temporary
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def unused_name(folder: Path, suffix: str = "") -> Path:
    """Return a name for an unfinished file, which nobody can have foreseen and put a link there."""
    return folder / f"{LEFT_BEHIND}{secrets.token_hex(8)}{suffix}"


def place(temporary: Path, path: Path, *, overwrite: bool) -> None:
    """Give a finished file or folder its name in one step.

    Raises
    ------
    OutputExists
        If something is there, and not `overwrite`; not even what another process made a moment ago is replaced.
    """
    if temporary.is_dir():
        _place_folder(temporary, path, overwrite=overwrite)
    elif overwrite:
        temporary.replace(path)
    else:
        try:
            _place_new(temporary, path)
        except FileExistsError:
            raise OutputExists(path) from None


def _place_new(temporary: Path, path: Path) -> None:
    """Give a file its name; raises `FileExistsError` if something has it."""
    try:
        os.link(temporary, path)  # renaming would replace
    except FileExistsError:
        raise
    except (OSError, AttributeError, NotImplementedError):  # a disk without hard links
        path.open("xb").close()
        try:
            temporary.replace(path)
        except BaseException:
            path.unlink()
            raise
    else:
        temporary.unlink(missing_ok=True)


def _place_folder(temporary: Path, path: Path, *, overwrite: bool) -> None:
    """Give a folder its name, in place of an empty one, or with `overwrite` of any."""
    if overwrite and is_taken(path):
        old = Path(tempfile.mkdtemp(prefix=LEFT_BEHIND, dir=path.parent))
        path.rename(old / path.name)
        temporary.rename(path)
        shutil.rmtree(old, ignore_errors=True)
        return
    try:
        if path.is_dir():  # empty; some systems rename to no name that is there
            path.rmdir()
        temporary.rename(path)
    except OSError:
        if is_taken(path):
            raise OutputExists(path) from None
        raise


def is_taken(path: Path) -> bool:
    """Whether something is there: a file, a link even to nowhere, or a folder that is not empty."""
    if path.is_dir():
        return any(path.iterdir())
    return os.path.lexists(path)


def apply_umask(path: Path) -> None:
    """Let others read a file as they may read any that the user makes; temporary files are private at first."""
    like = unused_name(path.parent)
    # What the system gives a new file; asking for `umask` would change it for a moment, for all threads.
    handle = os.open(like, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        path.chmod(stat.S_IMODE(like.stat().st_mode))
    finally:
        os.close(handle)
        like.unlink()
