"""Sizes, amounts and times as people write them."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Annotated, Any

from pydantic import AfterValidator, ByteSize, TypeAdapter, ValidationError, WithJsonSchema

from batcountry.errors import RecipeError

_SIZE = r"(\d{1,6})\s*[x×]\s*(\d{1,6})"
_SCALE = r"[x×]\s*(\d{0,4}\.?\d{1,6})"

MOST_PIXELS = 100_000_000
"""Of a picture that is made for a dream rather than given."""


def parsed_size(text: str) -> tuple[int, int]:
    """Read a height and a width in pixels such as `600x800`.

    Raises
    ------
    ValueError
        If it is none.
    """
    found = re.fullmatch(_SIZE, text.strip())
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
    found = re.fullmatch(_SCALE, text.strip())
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


def text_schema(*patterns: str) -> WithJsonSchema:
    """Say in the JSON schema that a text is as one of some patterns has it, spaces around it aside."""
    return WithJsonSchema({"type": "string", "pattern": rf"^\s*({'|'.join(patterns)})\s*$"})


SizeText = Annotated[str, _kept(parsed_size), text_schema(_SIZE)]
"""A height and a width, such as `600x800`."""

RelativeSize = Annotated[str, _kept(lambda text: size_of(text, (1, 1))), text_schema(_SIZE, _SCALE)]
"""A height and a width, or a multiple of a picture's, such as `x0.5`."""

WindowsText = Annotated[str, _kept(_check_windows), text_schema("none", "input", _SIZE)]
"""The size of windows, `input` or `none`."""

BytesText = Annotated[str, _kept(_check_bytes), text_schema(r"\d*\.?\d+\s*\w*")]
"""A number of bytes, such as `2GB`."""


SECONDS = r"(\d{1,9}:){0,2}\d{1,9}(\.\d{0,20})?"
"""How times are written."""


def seconds_of(text: str) -> Fraction:
    """Read a time such as `12.5`, `1:30` or `1:02:03.25`, in seconds.

    Raises
    ------
    RecipeError
        If it is none.
    """
    if not re.fullmatch(SECONDS, text.strip()):
        raise RecipeError(f"{text!r} is not a time; write seconds, or 1:30, or 1:02:03.5")
    seconds = Fraction(0)
    for part in text.strip().split(":"):
        seconds = seconds * 60 + Fraction(part)
    return seconds
