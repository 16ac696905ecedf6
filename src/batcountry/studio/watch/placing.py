"""Giving results and unusable files their places, in steps that may be broken off anywhere and begun again.

Where something goes is written down before it goes there, so that after a kill it is known for our own; nothing that is
somebody else's is ever replaced.
"""

from __future__ import annotations

import filecmp
import itertools
import json
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from batcountry.backend.files import is_taken, place, unused_name, write_file
from batcountry.backend.reading import open_plain
from batcountry.errors import BatCountryError, OutputExists, PictureError
from batcountry.motion.io.encode import VIDEO_SUFFIXES
from batcountry.studio.watch.names import lengthened, numbered

ASIDE = "set-aside"
"""The folder in the watched one for files that cannot be dreamed."""

REASON = ".txt"
"""What is added to the name of such a file for the text that says why."""


def target_of(path: Path, suffix: str) -> Path:
    """Return the name of a file's result: the same, or if results of its kind end otherwise, with that added."""
    return path if path.suffix.lower() == suffix else lengthened(path, suffix)


def free_place(path: Path) -> Path:
    """Return a path, or if it or a reason beside it is taken, the first that is not of those with a number."""
    names = itertools.chain([path], (numbered(path, number) for number in itertools.count(2)))
    return next(each for each in names if not is_taken(each) and not is_taken(lengthened(each, REASON)))


def put_result(source: Path, target: Path, *, keep: bool) -> bool:
    """Give a result its place, and return whether it has it; if not, somebody else's file is there.

    Parameters
    ----------
    source
        The result; if it is not there any more, it was put before, and may have been taken from its place since.
    keep
        Whether it stays where it is, too.

    Raises
    ------
    OSError
        If it cannot be written there, as when the disk is full.
    """
    if not os.path.lexists(source):
        return True
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(target):
        if not _is_ours(source, target):
            return False
    elif not _put(source, target, keep=keep):
        return False
    if not keep:
        source.unlink(missing_ok=True)
    return True


def _is_ours(source: Path, target: Path) -> bool:
    """Whether what is at a place that was free is what was put there, when that was broken off; an empty file goes."""
    if target.is_symlink() or not target.is_file():
        return False
    if target.stat().st_size == 0:
        target.unlink()
        return _put(source, target, keep=True)
    return filecmp.cmp(source, target, shallow=False)


def _put(source: Path, target: Path, *, keep: bool) -> bool:
    moved = not keep and source.stat().st_dev == target.parent.stat().st_dev
    temporary = source if moved else unused_name(target.parent, target.suffix)
    try:
        if not moved:
            shutil.copyfile(source, temporary)
            _to_disk(temporary)
        place(temporary, target, overwrite=False)
    except OutputExists:
        return False
    finally:
        if not moved:
            temporary.unlink(missing_ok=True)
    return True


def _to_disk(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def put_aside(source: Path, target: Path, sentence: str) -> None:
    """Set a file aside, with a text beside it that says why; again, if that was broken off.

    Raises
    ------
    OSError
        If it cannot be written there.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    when = time.strftime("%Y-%m-%d %H:%M:%S")
    back = "Put it back to have it tried again."
    text = f"{source.name} could not be dreamed, and was set aside on {when}:\n\n{sentence}\n\n{back}\n"
    with suppress(OutputExists):
        write_file(lengthened(target, REASON), text.encode("utf-8", "backslashreplace"), overwrite=False)
    if not os.path.lexists(source):
        return
    if os.path.lexists(target) and source.samefile(target):
        source.unlink()  # as a disk has it where a kill came between two names
    else:
        place(source, target, overwrite=False)


def put_reason(target: Path, name: str, sentence: str) -> None:
    """Write only the text that says why a file could not be dreamed; raises `OSError`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    text = f"{name} could not be dreamed, and could not be set aside either:\n\n{sentence}\n"
    with suppress(OutputExists):
        write_file(lengthened(target, REASON), text.encode("utf-8", "backslashreplace"), overwrite=False)


def is_made_from(result: Path, sha256: str) -> bool:
    """Whether a file is a result of this program, by its own note, made from a file of that content."""
    try:
        note = json.loads(_note_in(result) or "{}")
    except (BatCountryError, ValueError, OSError):
        return False
    return isinstance(note, dict) and note.get("input_sha256") == sha256 and not note.get("stopped")


def _note_in(path: Path) -> str | None:
    if path.is_symlink() or not path.is_file():
        return None
    if path.suffix.lower() in VIDEO_SUFFIXES:
        from batcountry.motion.io.ffmpeg import open_media

        with open_media(path) as film:
            return {name.lower(): text for name, text in film.metadata.items()}.get("comment")
    from batcountry.image.files import MAX_FILE, read_note
    from batcountry.image.sources.opening import decoding, open_image

    if path.suffix.lower() == ".gif":
        with open_plain(path, most=MAX_FILE, error=PictureError) as file, decoding(str(path)):
            comment = open_image(file, str(path)).info.get("comment", b"")
        return comment.decode("ascii", "replace") if isinstance(comment, bytes) else str(comment)
    return read_note(path)
