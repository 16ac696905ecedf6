"""Reading files that anybody may have named: plain files only, and no more bytes than are taken."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from batcountry.errors import BatCountryError

MAX_TEXT = 64 << 20
"""Most bytes of a text, such as a list of names or a network's definition."""

MAX_WEIGHTS = 1 << 36
"""Most bytes of a network's file: 64 GiB."""


def open_plain(path: Path, *, most: int, error: type[BatCountryError]) -> BinaryIO:
    """Open a file for reading bytes, if it is a plain one.

    A device, a pipe or a file of the system (`/dev/zero`, a FIFO, `/proc/…`) would go on without end or never begin, so
    none is read; opening one does not wait either. What is checked is what was opened, and not what had its name before.

    Parameters
    ----------
    most
        Bytes that it may have.
    error
        What is raised, with a sentence that names the file, if there is none, or it is a folder, no plain file, empty, too
        large, or may not be read.

    Examples
    --------
    >>> from batcountry.errors import ModelError
    >>> open_plain(Path("/dev/zero"), most=100, error=ModelError)
    Traceback (most recent call last):
    batcountry.errors.ModelError: /dev/zero is no plain file, but a device or a pipe; name a file
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise error(f"there is no file {path}; check the name") from None
    except (OSError, ValueError) as problem:
        raise _unreadable(path, problem, error) from None
    try:
        _check(path, os.fstat(handle), most, error)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def check_plain(path: Path, *, most: int, error: type[BatCountryError]) -> None:
    """Raise `error` if `open_plain` would, for a file that somebody else's reader is to open."""
    open_plain(path, most=most, error=error).close()


def read_plain(path: Path, *, most: int, error: type[BatCountryError]) -> bytes:
    """Return the bytes of a plain file; see `open_plain` for what is raised."""
    with open_plain(path, most=most, error=error) as file:
        try:
            # A file that grows meanwhile does not go on without end.
            return file.read(os.fstat(file.fileno()).st_size)
        except (OSError, MemoryError) as problem:
            raise _unreadable(path, problem, error) from None


def _check(path: Path, status: os.stat_result, most: int, error: type[BatCountryError]) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise error(f"{path} is a folder; name a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise error(f"{path} is no plain file, but a device or a pipe; name a file")
    if not status.st_size:  # those of /proc say so too
        raise error(f"{path} is empty (0 bytes); copy or download it again")
    if status.st_size > most:
        raise error(
            f"{path} has {status.st_size:,} bytes, and at most {most:,} are read; name a smaller file"
        )


def _unreadable(path: Path, problem: Exception, error: type[BatCountryError]) -> BatCountryError:
    return error(f"{path} cannot be read: {getattr(problem, 'strerror', None) or problem or 'no memory'}")
