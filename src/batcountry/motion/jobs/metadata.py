"""Reading the note inside a finished film."""

from __future__ import annotations

from pathlib import Path

from batcountry.backend.reading import open_plain
from batcountry.errors import VideoError
from batcountry.image.files import MAX_FILE, MAX_NOTE, check_readable, read_note
from batcountry.image.sources.opening import decoding, open_image
from batcountry.jobs.folder import JOB
from batcountry.motion.io.animation import SUFFIXES as ANIMATION_SUFFIXES
from batcountry.motion.io.encode import VIDEO_SUFFIXES
from batcountry.motion.io.ffmpeg import open_media
from batcountry.motion.note import MotionNote

_BEGINNING = '"kind":"'


def note_of(path: Path) -> MotionNote | None:
    """Return the note inside a film, or a frame of one; None if it is no film or has none.

    Raises
    ------
    BatCountryError
        If the file cannot be read, or its note is damaged.
    """
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        with open_media(path) as file:
            tags = {name.lower(): text for name, text in file.metadata.items()}
        text = tags.get("comment")
    elif suffix in ANIMATION_SUFFIXES:
        text = _in_animation(path)
    elif path.is_dir():
        first = min(path.glob("*.png"), default=None)
        if first is None:
            kind = (
                f"is a job's; go on with it by: bat-country resume {path}"
                if (path / JOB).is_file()
                else "has no frames in it"
            )
            raise VideoError(f"the folder {path} {kind}")
        text = read_note(first)
    else:
        text = read_note(path)
    if not text or len(text) > MAX_NOTE or _BEGINNING not in text.replace(" ", ""):
        return None
    return MotionNote.read(text)


def _in_animation(path: Path) -> str | None:
    if path.suffix.lower() != ".gif":
        return read_note(path)
    check_readable(path)
    with open_plain(path, most=MAX_FILE, error=VideoError) as file, decoding(str(path)):
        found = open_image(file, str(path)).info.get("comment", b"")
    return found.decode("ascii", "replace") if isinstance(found, bytes) else str(found)
