"""Pictures of every mode as upright RGB of 8 bits, with their opacity and color profile beside."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageCms
from PIL.ExifTags import Base as Tag

from batcountry.backend.process_settings import ignored_warnings
from batcountry.errors import PictureError
from batcountry.image.sources.light import levels_of


def upright_rgb(image: Image.Image, name: str) -> tuple[Image.Image, Image.Image | None, bytes | None]:
    """Return a picture of any mode as RGB, its alpha plane or None, and its RGB profile or None.

    The EXIF orientation is applied. Gray and CMYK profiles are converted to sRGB, since they
    do not fit an RGB picture. Raises `PictureError` if the picture cannot be converted.
    """
    try:
        with ignored_warnings():
            tags = getattr(image, "tag_v2", {})
            image = _upright(image)
            icc = image.info.get("icc_profile") or None
            image = _eight_bit(image, name, tags)
            if image.mode in ("LA", "PA", "La", "RGBa") or "transparency" in image.info:
                image = image.convert("RGBA")
            alpha = image.getchannel("A") if image.mode == "RGBA" else None
            if icc and image.mode in ("CMYK", "L", "LAB"):
                return to_srgb(image, icc), alpha, None
            return image.convert("RGB"), alpha, icc if image.mode in ("RGB", "RGBA", "P") else None
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise PictureError(f"{name} cannot be turned into RGB ({error}); save it as a PNG first") from None


_TURNS = dict(enumerate(Image.Transpose[each] for each in (
    "FLIP_LEFT_RIGHT", "ROTATE_180", "FLIP_TOP_BOTTOM", "TRANSPOSE", "ROTATE_270", "TRANSVERSE", "ROTATE_90"
)))  # fmt: skip


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return (width, height) of an opened picture as it is held; nothing is decoded for that."""
    if image.format == "TIFF":  # which Pillow turns itself
        return image.size
    turn = Image.Image.getexif(image).get(Tag.Orientation, 1)  # a PNG's own would decode it
    return image.size if turn not in (5, 6, 7, 8) else image.size[::-1]


def _upright(image: Image.Image) -> Image.Image:
    """Return a picture as its EXIF says that it was held; Pillow's own would write the whole EXIF anew for that."""
    turn = _TURNS.get(image.getexif().get(Tag.Orientation, 1) - 2)
    if turn is None:
        return image
    turned = image.transpose(turn)
    turned.info = {name: each for name, each in image.info.items() if name in ("icc_profile", "transparency")}
    return turned


def _eight_bit(image: Image.Image, name: str, tags: Mapping[int, Any]) -> Image.Image:
    """Return a picture of floats or of long integers as gray, with opacity if one of its levels is transparent."""
    if image.mode == "F":
        levels = levels_of(np.asarray(image), name, is_linear=False)
        return Image.fromarray(np.rint(levels).astype(np.uint8))
    if not image.mode.startswith("I"):
        return image
    whole = np.asarray(image)
    if whole.dtype == np.int32 and _first(tags.get(Tag.SampleFormat)) == _UNSIGNED:
        whole = whole.view(np.uint32)
    # Mode I holds 16-bit files too; only larger values mean that it is really 32-bit.
    values = whole / (257.0 if whole.max(initial=0) < 65536 else 2.0**24)
    gray = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    if tags.get(Tag.PhotometricInterpretation) == _WHITE_IS_ZERO:  # which Pillow minds for 8 bits alone
        gray = 255 - gray
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        return Image.fromarray(np.dstack([gray, np.where(whole == clear, 0, 255).astype(np.uint8)]))
    return Image.fromarray(gray)


_WHITE_IS_ZERO, _UNSIGNED = 0, 1  # of these tags


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) and value else value


def to_srgb(image: Image.Image, icc: bytes) -> Image.Image:
    """Return a picture as sRGB, of the color profile that it has; one that is damaged is as good as none."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        done = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image.convert("RGB")
    return done if done is not None else image.convert("RGB")
