"""Pictures from and into files that are open already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from batcountry.errors import PictureError
from batcountry.image.files import FORMATS, MAX_FILE, SUFFIXES, encoded, format_named


def read_stream(file: Any, name: str) -> bytes:
    """Return the bytes of an open file, from its beginning where it can be; raises `PictureError` if it has none."""
    try:
        if file.seekable():
            file.seek(0)
        data = file.read(MAX_FILE + 1)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise PictureError(f"{name} cannot be read: {error}") from None
    if not isinstance(data, bytes):
        raise PictureError(f"{name} is open as text, not as bytes; open it with mode 'rb'")
    if not data or len(data) > MAX_FILE:
        raise PictureError(f"{name} is empty (0 bytes)" if not data else f"{name} is larger than 2 GB")
    return data


def encode_to(
    file: Any,
    image: Image.Image,
    format: str | None = None,
    *,
    note: str | None,
    icc: bytes | None,
    quality: int,
) -> None:
    """Write an image with its note and profile into an open file; see `Picture.save`."""
    name = getattr(file, "name", None)
    suffix = Path(name).suffix.lower() if isinstance(name, str) else ""
    if format is None and suffix not in SUFFIXES:
        raise PictureError(f"an open file's name does not say what it is; give format, one of {FORMATS}")
    kind = SUFFIXES[suffix] if format is None else format_named(format)
    data = encoded(image, kind, name or "the picture", note=note, icc=icc, quality=quality)
    try:
        file.write(data)
    except (OSError, ValueError, TypeError) as error:
        raise PictureError(f"cannot write the picture: {error}; open the file with mode 'wb'") from None
