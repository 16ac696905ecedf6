"""Pictures of many pixels, read at about the size that they are needed in, and within the memory that there is.

A picture file of a few kilobytes can have a hundred million pixels. Decoded in its own mode each takes one to four
bytes; as the numbers that are computed with, twenty and more. So a large picture of which only a small one is needed is
made smaller before that, strip by strip.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt

from PIL import Image

from batcountry.errors import PictureError
from batcountry.image.sources.opening import noted_tags

LARGE = 1 << 24
"""Pixels from which on a picture may be reduced; all others are read whole, so that they are what they always were."""

_TIMES = 4  # the size that is needed, at least
_SPARE = 2  # times that size is what a reduced picture still has, so that the resizing after it decides how it looks
_STRIP = 1 << 22  # pixels that are converted at once
_DEEP = ("I", "F")

# Bytes of a pixel: as Pillow holds it in its modes, and what making numbers of it takes.
_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2, "I;16N": 2}
_OTHER_BYTES, _NUMBERS, _DEEP_NUMBERS = 4, 20, 40

Size = tuple[int, int]


@dataclass(frozen=True)
class Need:
    """What a picture is needed for; with none it is read whole.

    Attributes
    ----------
    longest
        Pixels of the longer side that it is resized to; None if it is used at its own size, of which `LARGE` pixels will do.
    """

    longest: int | None = None

    def factor(self, size: Size) -> int:
        """Return by what whole number the sides of a picture of (width, height) are divided."""
        pixels = size[0] * size[1]
        if pixels <= LARGE:
            return 1
        if self.longest is None:
            return ceil(sqrt(pixels / LARGE))
        times = max(size) / self.longest
        return max(1, int(times / _SPARE)) if times >= _TIMES else 1


def needed_at(longest: int | None) -> Need | None:
    """Return the need of a picture that is resized to so many pixels along its longer side; None if nobody knows."""
    return None if longest is None else Need(longest)


FOR_FEATURES = Need()
"""A network is to look at it, at its own size."""


def load_needed(image: Image.Image, name: str, need: Need | None) -> Image.Image:
    """Decode an opened picture, at about the size that is needed of it, if that is much smaller.

    Raises
    ------
    PictureError
        If there is not as much memory as that takes.
    """
    factor = 1 if need is None else need.factor(image.size)
    if (
        factor > 1 and image.format == "JPEG"
    ):  # which can be decoded at a half, a quarter or an eighth of its size
        image.draft(None, (image.width // factor, image.height // factor))
        factor = 1 if need is None else need.factor(image.size)
    check_room(image, name, factor)
    image.load()
    return image if factor == 1 else _reduced(image, factor)


def check_room(image: Image.Image, name: str, factor: int = 1) -> None:
    """Raise `PictureError` if decoding an opened picture and dividing its sides by `factor` takes more memory than there is."""
    pixels = image.width * image.height
    numbers = _DEEP_NUMBERS if image.mode.startswith(_DEEP) else _NUMBERS
    count = pixels * (_BYTES.get(image.mode, _OTHER_BYTES) + numbers / factor**2)
    from batcountry.backend.memory_room import (  # with PyTorch, which small pictures do without
        memory_room,
        room_shown,
    )

    room = memory_room() if count > _STRIP else count
    if count > room:
        raise PictureError(
            f"{name} has {image.width}×{image.height} pixels, which take {ceil(count / 1e6):,} MB of memory to read, and "
            f"{room_shown()}; allow more with max_memory, or shrink it first"
        )


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    """Return a decoded picture with sides divided by a whole number: means of squares of pixels."""
    mode = _averaged_mode(image)
    size = (ceil(image.width / factor), ceil(image.height / factor))
    small = Image.new(mode, size)
    rows = max(1, _STRIP // image.width // factor) * factor
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        small.paste((strip if strip.mode == mode else strip.convert(mode)).reduce(factor), (0, top // factor))
    small.info = {key: value for key, value in image.info.items() if key != "transparency"}
    if image.format == "TIFF":  # which has its notes beside
        small.info["exif"] = noted_tags(image.getexif()).tobytes()
    return small


def _averaged_mode(image: Image.Image) -> str:
    """Return the mode in which pixels of a picture can be averaged."""
    mode = image.mode
    if "transparency" in image.info or mode in ("PA", "La", "RGBa"):
        return "RGBA"
    if mode.startswith("I"):
        return "I"
    return {"1": "L", "P": "RGB", "LA": "RGBA"}.get(mode, mode)
