"""Pictures made anew from what clients send, and small ones of what is here. Runs in the decoder's process."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from PIL import Image

from batcountry.backend.files import replace_file
from batcountry.backend.reading import open_plain
from batcountry.errors import PictureError
from batcountry.image.sources.opening import decoding, open_image
from batcountry.image.sources.upright import to_srgb, upright_rgb

NAME = "this file"
"""What sentences call it, as a client's own name for a file is only to be shown."""

QUALITY = 95
"""Of photographs, which stay JPEG."""

THUMB_QUALITY = 80

MAX_FILE = 1 << 31
"""Bytes of a result that a thumbnail is made of."""

MAX_RESULT_PIXELS = 1 << 28
"""Pixels of a result that a thumbnail is made of."""


class TooLarge(PictureError):
    """A picture has more pixels than are taken."""


def remade(source: Path, target: Path, max_pixels: int) -> dict[str, Any]:
    """Write a picture anew, upright, in sRGB, with nothing but its pixels, and return its suffix and size.

    Of one that moves the first frame is taken, and no other is decoded.

    Parameters
    ----------
    target
        Without a suffix, which is `.jpg` for what was a JPEG and `.png` for all else.

    Raises
    ------
    PictureError
        If it is none, is damaged, or has more than `max_pixels`.
    """
    with open_plain(source, most=MAX_FILE, error=PictureError) as file, decoding(NAME):
        image = open_image(file, NAME)
        check_pixels(image.size, max_pixels)
        is_photo = image.format == "JPEG"
        image.load()
        rgb, alpha, icc = upright_rgb(image, NAME)
    if icc is not None:
        rgb = to_srgb(rgb, icc)
    if alpha is not None and alpha.getextrema() != (255, 255):
        rgb.putalpha(alpha)
        is_photo = False
    out = io.BytesIO()
    plain = Image.frombytes(rgb.mode, rgb.size, rgb.tobytes())  # no info of the file's comes along
    if is_photo:
        plain.save(out, "JPEG", quality=QUALITY, subsampling=0)
    else:
        plain.save(out, "PNG", compress_level=4)
    suffix = ".jpg" if is_photo else ".png"
    replace_file(target.with_name(target.name + suffix), out.getbuffer())
    return {"suffix": suffix, "width": rgb.width, "height": rgb.height}


def check_pixels(size: tuple[int, int], most: int) -> None:
    """Raise `TooLarge` for a size of more pixels."""
    if size[0] * size[1] > most:
        raise TooLarge(
            f"{NAME} has {size[0]}×{size[1]} pixels, and this studio takes {most:,}; shrink it first"
        )


def thumbnail(source: Path, target: Path, side: int) -> dict[str, Any]:
    """Write a WebP of a picture, shrunk so that its longer side has at most `side` pixels."""
    with open_plain(source, most=MAX_FILE, error=PictureError) as file, decoding(NAME):
        image = open_image(file, NAME)
        check_pixels(image.size, MAX_RESULT_PIXELS)
        image.draft("RGB", (side, side))
        image.load()
        small = image if image.mode in ("RGB", "RGBA") else image.convert("RGB")
        small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return save_thumbnail(small, target)


def save_thumbnail(image: Image.Image, target: Path) -> dict[str, Any]:
    """Write an image as WebP, with nothing but its pixels."""
    out = io.BytesIO()
    Image.frombytes(image.mode, image.size, image.tobytes()).save(
        out, "WEBP", quality=THUMB_QUALITY, method=2
    )
    replace_file(target, out.getbuffer())
    return {"width": image.width, "height": image.height}


def as_jpeg(source: Path, target: Path) -> dict[str, Any]:
    """Write a result as JPEG, with the recipe inside."""
    from batcountry.image.files import encoded, note_inside

    with open_plain(source, most=MAX_FILE, error=PictureError) as file, decoding(NAME):
        image = open_image(file, NAME)
        check_pixels(image.size, MAX_RESULT_PIXELS)
        note, icc = note_inside(image), image.info.get("icc_profile")
        rgb = image.convert("RGB")
    rgb.info.clear()
    replace_file(target, encoded(rgb, "JPEG", NAME, note=note, icc=icc, quality=QUALITY))
    return {"width": rgb.width, "height": rgb.height}
