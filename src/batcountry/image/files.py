"""Picture files: decoding untrusted ones, writing whole ones, and the note inside."""

from __future__ import annotations

import io
import logging
import os
from os import PathLike
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, PngImagePlugin

from batcountry.backend.files import write_file
from batcountry.backend.folders import is_folder
from batcountry.backend.policy import OPEN, Policy
from batcountry.backend.process_settings import ignored_warnings
from batcountry.backend.reading import check_plain, open_plain, read_plain
from batcountry.errors import PictureError
from batcountry.image.sources.addresses import address_of, fetch_picture, local_path
from batcountry.image.sources.light import is_light, light_size
from batcountry.image.sources.opening import MAX_PIXELS as MAX_PIXELS
from batcountry.image.sources.opening import at_frame, decoding, open_image
from batcountry.image.sources.reduced import Need, load_needed
from batcountry.image.sources.tiff_pages import merged_planes
from batcountry.image.sources.upright import upright_size
from batcountry.recipe.json_text import ascii_json

log = logging.getLogger("batcountry")

SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
"""Formats that are written, by suffix."""

QUALITY = 95
"""Of JPEG and WebP if nothing is said."""

FORMATS = ", ".join(dict.fromkeys(SUFFIXES.values()))

MAX_NOTE = 1 << 20
"""Longest note, in bytes, that is read back."""

MAX_FILE = 2 << 30
"""Largest file, in bytes, that is read."""

_KEY, _USER_COMMENT, _DESCRIPTION = "batcountry", 0x9286, 270
_CHARSET = b"UNICODE\0"


def read_file(path: str | PathLike[str], policy: Policy = OPEN) -> bytes:
    """Return the bytes of a file, or of an address, that is named.

    Raises
    ------
    PictureError
        If there is none, it is empty, too large, or no plain file.
    PolicyError
        As `Policy.check_file` and `Policy.check_address`.
    """
    address = address_of(path)
    if address is not None:
        return fetch_picture(address, policy)
    return read_plain(policy.check_file(local_path(path)), most=MAX_FILE, error=PictureError)


def check_readable(path: str | PathLike[str], policy: Policy = OPEN) -> None:
    """Raise what `read_file` would raise, as far as that is known without reading; an address is not asked."""
    address = address_of(path)
    if address is not None:
        policy.check_address(address)
        return
    place = policy.check_file(local_path(path))
    if is_folder(place):
        raise PictureError(
            f"{place} is a folder, not a picture; name a file in it, or use `bat-country bulk`"
        )
    check_plain(place, most=MAX_FILE, error=PictureError)


def decode(
    data: bytes, name: str, policy: Policy = OPEN, frame: int = 1, need: Need | None = None
) -> Image.Image:
    """Return one frame of a picture file's bytes, decoded: the first, if nothing else is said.

    What it is needed for says whether a large one is made smaller; see `batcountry.image.sources.reduced`.

    Raises
    ------
    PolicyError
        If it has more pixels than the policy allows; nothing is decoded then.
    PictureError
        If they are no picture, damaged, or larger than `MAX_PIXELS` or than there is memory, or if there is no such frame.
    """
    with decoding(name):
        image = open_image(io.BytesIO(data), name)
        _check_pixels(image, name, policy)
        if frame > 1:
            at_frame(image, frame, name)
            _check_pixels(image, name, policy)  # pages need not be of one size
        return load_needed(merged_planes(image, data, name), name, need)


def _check_pixels(image: Image.Image, name: str, policy: Policy) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise PictureError(
            f"{name} has {image.width}×{image.height} pixels; at most {MAX_PIXELS:,} in all are opened: shrink it first"
        )
    policy.check_pixels(image.size, name)


def picture_size(path: str | PathLike[str], frame: int = 1) -> tuple[int, int]:
    """Return the width and height of a picture file's frame, held upright, as its header says.

    Raises `PictureError` if it is no picture.
    """
    check_readable(path)
    place, name = local_path(path), str(path)
    with open_plain(place, most=MAX_FILE, error=PictureError) as file, decoding(name):
        if is_light(file, frame):
            return light_size(file, name, frame)
        try:
            with open_image(file, name) as image:
                if frame > 1:
                    at_frame(image, frame, name)
                return upright_size(image)
        except Image.DecompressionBombError:
            from batcountry.image.vips import size_of

            return size_of(place, frame)


def check_writable(path: Path, *, kind: str | None = None) -> None:
    """Raise `PictureError` if a picture cannot be written there, before the work is done for nothing.

    `kind` is the format, if the name does not say it.
    """
    kind = kind or SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise PictureError(f"cannot write {path}: end the name in one of {', '.join(SUFFIXES)}")
    try:
        is_folder = path.is_dir()
    except OSError as error:  # such as a name that is too long
        raise PictureError(f"cannot write {path}: {error.strerror}; give another name") from None
    if is_folder:
        raise PictureError(f"cannot write {path}: it is a folder; name a file")
    if not path.parent.is_dir():
        raise PictureError(f"cannot write {path}: there is no folder {path.parent}; make it first")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PictureError(
            f"cannot write {path}: no permission to write in {path.parent}; choose another folder"
        )


def encode(
    image: Image.Image,
    path: Path,
    format: str | None = None,
    *,
    note: str | None,
    icc: bytes | None,
    quality: int,
    overwrite: bool = False,
) -> Path:
    """Write an image with its note and profile, whole or not at all; see `Picture.save`."""
    kind = None if format is None else format_named(format)
    check_writable(path, kind=kind)
    data = encoded(
        image, kind or SUFFIXES[path.suffix.lower()], path.name, note=note, icc=icc, quality=quality
    )
    try:
        write_file(path, data, overwrite=overwrite)
    except (OSError, ValueError) as error:
        raise PictureError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from None
    return path


def format_named(name: str) -> str:
    """Return a format's name as Pillow has it; raises `PictureError` if it is none that is written."""
    kind = str(name).upper()
    kind = {"JPG": "JPEG", "TIF": "TIFF"}.get(kind, kind)
    if kind not in SUFFIXES.values():
        raise PictureError(f"cannot write the format {name!r}: give one of {FORMATS}")
    return kind


def encoded(
    image: Image.Image, kind: str, name: str, *, note: str | None, icc: bytes | None, quality: int
) -> bytes:
    """Return an image as a file of a format, with its note and profile; raises `PictureError` if it cannot be one."""
    if kind == "JPEG" and image.mode == "RGBA":
        log.warning("JPEG has no transparency: %s is written without it", name)
        image = image.convert("RGB")
    options: dict[str, Any] = {"icc_profile": icc} if icc else {}
    if kind in ("JPEG", "WEBP"):
        options |= {"quality": quality}
    if note is not None:
        options |= with_note(kind, note)
    out = io.BytesIO()
    try:
        image.save(out, kind, **options)
    except (OSError, ValueError) as error:
        raise PictureError(f"cannot write {name}: {getattr(error, 'strerror', None) or error}") from None
    return out.getvalue()


def with_note(kind: str, note: str) -> dict[str, Any]:
    """Return Pillow's options for a file of a format with a note inside."""
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt(_KEY, note)
        return {"pnginfo": text}
    if kind == "TIFF":
        # The tag holds ASCII only.
        return {"tiffinfo": {_DESCRIPTION: ascii_json(note)}}
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[_USER_COMMENT] = _CHARSET + note.encode("utf-16-be")
    return {"exif": exif.tobytes()}


def read_note(path: str | PathLike[str]) -> str | None:
    """Return the note inside a PNG, JPEG, WebP or TIFF as JSON text, or None if it has none.

    Raises
    ------
    PictureError
        If the file cannot be read or is no picture.
    """
    check_readable(path)
    place, name = local_path(path), str(path)
    with open_plain(place, most=MAX_FILE, error=PictureError) as file, decoding(name):
        if is_light(file):
            return None
        try:
            with open_image(file, name) as image:
                return note_inside(image)
        except Image.DecompressionBombError:
            from batcountry.image.vips import note_of

            return _checked(note_of(place))


def note_inside(image: Image.Image) -> str | None:
    """Return the note inside an opened picture file as JSON text, or None if it has none."""
    try:
        with ignored_warnings():
            return _checked(_note_of(image))
    except (OSError, ValueError, SyntaxError, TypeError, KeyError):
        return None  # garbage where a note would be is no note


def _checked(note: str | None) -> str | None:
    return note if note and len(note) <= MAX_NOTE and note.lstrip().startswith("{") else None


def _note_of(image: Image.Image) -> str | None:
    if isinstance(text := image.info.get(_KEY), str):
        return str(text)
    exif = image.tag_v2 if image.format == "TIFF" else image.getexif()  # type: ignore[attr-defined]
    stored = exif.get(_DESCRIPTION)
    if isinstance(stored, str) and stored.startswith("{"):
        return stored
    if image.format == "TIFF":
        return None
    comment = image.getexif().get_ifd(ExifTags.IFD.Exif).get(_USER_COMMENT)
    if isinstance(comment, bytes) and comment.startswith(_CHARSET):
        return comment[len(_CHARSET) :].decode("utf-16-be")
    return None
