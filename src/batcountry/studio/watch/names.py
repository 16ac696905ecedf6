"""Names of files as a database can have them, and that a file system takes, whatever bytes they are of."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from urllib.parse import quote_from_bytes, unquote_to_bytes

_LONGEST = 255  # bytes of a name on nearly all file systems


def quoted(path: PurePath) -> str:
    """Return a path with `/`, and bytes that are no plain letters as `%` and two digits."""
    return quote_from_bytes(os.fsencode(path.as_posix()), safe="/ ")


def unquoted(text: str) -> Path:
    """Return the path that `quoted` made a text of.

    >>> unquoted(quoted(Path("a/b c%41.png"))).as_posix()
    'a/b c%41.png'
    """
    return Path(os.fsdecode(unquote_to_bytes(text)))


def is_text(path: PurePath) -> bool:
    """Whether a path is UTF-8, as what is written down has to be."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def lengthened(path: Path, more: str) -> Path:
    """Return a path with more at the end of its name, which is cut before that if it became too long.

    >>> lengthened(Path("photo.bmp"), ".png").name
    'photo.bmp.png'
    """
    room = _LONGEST - len(os.fsencode(more))
    name = os.fsencode(path.name)
    while len(name) > room:
        name = os.fsencode(os.fsdecode(name)[:-1])
    return path.with_name(os.fsdecode(name) + more)


def numbered(path: Path, number: int) -> Path:
    """Return another name for a path: `photo-2.jpg` for `photo.jpg` and 2; one that is long enough already is cut.

    >>> numbered(Path("photo.jpg"), 2).name
    'photo-2.jpg'
    """
    suffix = path.suffix if len(path.suffix) <= 12 else ""
    stem = path.with_name(path.name.removesuffix(suffix))
    return lengthened(stem, f"-{number}{suffix}")
