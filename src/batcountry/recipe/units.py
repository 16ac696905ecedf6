"""Sizes and amounts as people write them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, ByteSize, TypeAdapter, ValidationError

MOST_PIXELS = 100_000_000
"""Of a picture that is made for a dream rather than given."""


def parsed_size(text: str) -> tuple[int, int]:
    """Read a height and a width in pixels such as `600x800`.

    Raises
    ------
    ValueError
        If it is none.
    """
    found = re.fullmatch(r"(\d{1,6})\s*[x×]\s*(\d{1,6})", text.strip())
    if not found or not all(1 <= int(each) <= 262_144 for each in found.groups()):
        raise ValueError("give height and width in pixels, such as 600x800")
    height, width = int(found[1]), int(found[2])
    if height * width > MOST_PIXELS:
        raise ValueError(f"it must be at most {MOST_PIXELS:,} pixels in all")
    return height, width


def size_of(text: str, whole: tuple[int, int]) -> tuple[int, int]:
    """Return a (height, width) that a text stands for: `600x800`, or `x0.5` for half of `whole`.

    Raises
    ------
    ValueError
        If it is none.
    """
    found = re.fullmatch(r"\s*[x×]\s*(\d{0,4}\.?\d{1,6})\s*", text)
    if found is None:
        return parsed_size(text)
    scale = float(found[1])
    if not 0 < scale <= 64:
        raise ValueError("give a part of the picture's size of more than 0, up to x64")
    return max(1, int(scale * whole[0])), max(1, int(scale * whole[1]))


def parsed_bytes(text: str) -> int:
    """Read a number of bytes such as `2GB`, `800 MB` or `1.5GiB`.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        return int(_BYTES.validate_python(text))
    except ValidationError:
        raise ValueError("give a number with a unit, such as 2GB or 800MB") from None


_BYTES = TypeAdapter(ByteSize)


def _kept(check: Callable[[str], Any]) -> AfterValidator:
    """Make a validator of a function that raises `ValueError`; the text stays as it was written."""

    def checked(text: str) -> str:
        check(text)
        return text

    return AfterValidator(checked)


def _check_windows(text: str) -> None:
    if text not in ("none", "input"):
        parsed_size(text)


def _check_bytes(text: str) -> None:
    if parsed_bytes(text) < 1:
        raise ValueError("it must be more than nothing")


SizeText = Annotated[str, _kept(parsed_size)]
"""A height and a width, such as `600x800`."""

RelativeSize = Annotated[str, _kept(lambda text: size_of(text, (1, 1)))]
"""A height and a width, or a multiple of a picture's, such as `x0.5`."""

WindowsText = Annotated[str, _kept(_check_windows)]
"""The size of windows, `input` or `none`."""

BytesText = Annotated[str, _kept(_check_bytes)]
"""A number of bytes, such as `2GB`."""
