"""Picture files: decoding untrusted ones, writing whole ones, and the note inside."""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps, PngImagePlugin, UnidentifiedImageError

from batcountry.backend.files import write_file
from batcountry.backend.policy import OPEN, Policy
from batcountry.backend.process_settings import ignored_warnings
from batcountry.errors import BatCountryError, PictureError

log = logging.getLogger("batcountry")

SUFFIXES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
"""Formats that are written, by suffix."""

QUALITY = 95
"""Of JPEG and WebP if nothing is said."""

FORMATS = ", ".join(dict.fromkeys(SUFFIXES.values()))

MAX_PIXELS = 178_956_970
"""Largest picture that is opened: what would take 0.5 GB as 8-bit RGB."""

MAX_NOTE = 1 << 20
"""Longest note, in bytes, that is read back."""

MAX_FILE = 2 << 30
"""Largest file, in bytes, that is read."""

_KEY, _USER_COMMENT, _DESCRIPTION = "batcountry", 0x9286, 270
_CHARSET = b"UNICODE\0"


def read_file(path: Path, policy: Policy = OPEN) -> bytes:
    """Return a file's bytes; raises `PictureError` if there is none or it is empty, and `PolicyError` as `Policy.check_file`."""
    check_readable(policy.check_file(path))
    if path.stat().st_size > MAX_FILE:
        raise PictureError(f"{path} is larger than 2 GB, which is more than a picture file may be")
    return path.read_bytes()


def check_readable(path: Path) -> None:
    """Raise `PictureError` if there is no file, or it is empty or may not be read."""
    try:
        if path.is_dir():
            raise PictureError(
                f"{path} is a folder, not a picture; name a file in it, or use `bat-country bulk`"
            )
        if path.exists() and not path.is_file():  # reading a pipe would wait forever
            raise PictureError(f"{path} is no file, so it cannot be read as a picture; name a file")
        with path.open("rb") as file:
            first = file.read(1)
    except FileNotFoundError:
        raise PictureError(f"there is no file {path}; check the name") from None
    except (OSError, ValueError) as error:
        raise PictureError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not first:
        raise PictureError(f"{path} is empty (0 bytes); copy or download it again")


@contextmanager
def _decoding(name: str) -> Iterator[None]:
    """Turn what Pillow raises on a file that is no picture, or a damaged one, into one sentence."""
    try:
        with ignored_warnings():
            yield
    except UnidentifiedImageError:
        raise PictureError(
            f"{name} is not a picture in a format that can be read; give a PNG, JPEG, WebP or TIFF"
        ) from None
    except Image.DecompressionBombError:
        raise PictureError(f"{name} has more than {MAX_PIXELS:,} pixels; shrink it first") from None
    except MemoryError:
        raise PictureError(f"{name} does not fit into memory; shrink it first") from None
    except BatCountryError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise PictureError(f"{name} is damaged or cut short ({error}); copy or download it again") from None


def decode(data: bytes, name: str, policy: Policy = OPEN) -> Image.Image:
    """Return the first frame of a picture file's bytes, decoded.

    Raises
    ------
    PolicyError
        If it has more pixels than the policy allows; nothing is decoded then.
    PictureError
        If they are no picture, damaged, or larger than `MAX_PIXELS`.
    """
    with _decoding(name):
        image = Image.open(io.BytesIO(data))
        if image.width * image.height > MAX_PIXELS:
            raise PictureError(
                f"{name} has {image.width}×{image.height} pixels; at most {MAX_PIXELS:,} in all are opened: shrink it first"
            )
        policy.check_pixels(image.size, name)
        image.load()
        return image


def picture_size(path: Path) -> tuple[int, int]:
    """Return a picture file's width and height, as its header says; raises `PictureError` if it is none."""
    check_readable(path)
    with _decoding(str(path)):
        try:
            with Image.open(path) as image:
                return image.size
        except Image.DecompressionBombError:
            from batcountry.image.vips import size_of

            return size_of(path)


def upright_rgb(image: Image.Image, name: str) -> tuple[Image.Image, Image.Image | None, bytes | None]:
    """Return a picture of any mode as RGB, its alpha plane or None, and its RGB profile or None.

    The EXIF orientation is applied. Gray and CMYK profiles are converted to sRGB, since they
    do not fit an RGB picture. Raises `PictureError` if the picture cannot be converted.
    """
    try:
        with ignored_warnings():
            image = ImageOps.exif_transpose(image)
            icc = image.info.get("icc_profile") or None
            image = _eight_bit(image)
            if image.mode in ("LA", "PA", "La", "RGBa") or "transparency" in image.info:
                image = image.convert("RGBA")
            alpha = image.getchannel("A") if image.mode == "RGBA" else None
            if icc and image.mode in ("CMYK", "L", "LAB"):
                return _to_srgb(image, icc), alpha, None
            return image.convert("RGB"), alpha, icc if image.mode in ("RGB", "RGBA", "P") else None
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise PictureError(f"{name} cannot be turned into RGB ({error}); save it as a PNG first") from None


def _eight_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        if image.mode != "F":
            # Mode I holds 16-bit files too; only larger values mean that it is really 32-bit.
            values /= 257.0 if values.max(initial=0) < 65536 else 2.0**24
        elif values.max(initial=0) <= 1:
            values *= 255.0
        return Image.fromarray(np.rint(np.clip(values, 0, 255)).astype(np.uint8))
    return image


def _to_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        done = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image.convert("RGB")  # a damaged profile is as good as none
    return done if done is not None else image.convert("RGB")


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
        options |= _with_note(kind, note)
    out = io.BytesIO()
    try:
        image.save(out, kind, **options)
    except (OSError, ValueError) as error:
        raise PictureError(f"cannot write {name}: {getattr(error, 'strerror', None) or error}") from None
    return out.getvalue()


def _with_note(kind: str, note: str) -> dict[str, Any]:
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt(_KEY, note)
        return {"pnginfo": text}
    if kind == "TIFF":
        # The tag holds ASCII only, so other characters stand there as JSON's escapes.
        return {"tiffinfo": {_DESCRIPTION: json.dumps(json.loads(note), separators=(",", ":"))}}
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[_USER_COMMENT] = _CHARSET + note.encode("utf-16-be")
    return {"exif": exif.tobytes()}


def read_note(path: Path) -> str | None:
    """Return the note inside a PNG, JPEG, WebP or TIFF as JSON text, or None if it has none.

    Raises
    ------
    PictureError
        If the file cannot be read or is no picture.
    """
    check_readable(path)
    with _decoding(str(path)):
        try:
            image = Image.open(path)
        except Image.DecompressionBombError:
            from batcountry.image.vips import note_of

            return _checked(note_of(path))
    with image:
        return note_inside(image)


def note_inside(image: Image.Image) -> str | None:
    """Return the note inside an opened picture file as JSON text, or None if it has none."""
    try:
        with ignored_warnings():
            return _checked(_note_of(image))
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, UnicodeDecodeError):
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
    comment = image.getexif().get_ifd(ExifTags.IFD.Exif).get(_USER_COMMENT)
    if isinstance(comment, bytes) and comment.startswith(_CHARSET):
        return comment[len(_CHARSET) :].decode("utf-16-be")
    return None
