"""JSON of anybody's, read strictly: what two programs could read in two ways, or no program could take, is refused."""

from __future__ import annotations

import json
import math
from typing import Any

DEEPEST = 64
"""How many lists and objects may lie in each other."""

LARGEST = 1 << 63
"""Below it whole numbers are, either way."""

MOST = 1 << 20
"""Characters, or bytes, of a text, if nothing else is said."""


def read_json(text: str | bytes, most: int = MOST) -> Any:
    """Return what a JSON text says.

    Raises
    ------
    ValueError
        If it is longer than `most`, not JSON, or has a key twice, a number that is not finite or has more than 64 bits, half
        of a character, or more than `DEEPEST` things in each other. Its text goes on a sentence that begins with whose it is.
    """
    if len(text) > most:
        raise ValueError(f"has more than {most:,} bytes, which nothing here writes")
    try:
        found = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number)
    except _Refused as error:
        raise ValueError(str(error)) from None
    except (ValueError, RecursionError):  # what says where differs from one Python to another
        raise ValueError("is not JSON") from None
    _check(found, DEEPEST)
    return found


def ascii_json(text: str) -> str:
    """Return JSON text as short as it can be, with escapes for all that is not ASCII; raises `ValueError` if it is none."""
    return json.dumps(json.loads(text), separators=(",", ":"))


class _Refused(Exception):
    """A text that is JSON, and yet cannot be taken."""


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise _Refused(f"says {twice[:100]!r} twice")
    return found


def _no_number(name: str) -> None:
    raise _Refused(f"has {name} in it, which is no number of JSON's")


def _check(value: Any, left: int) -> None:
    if not left:
        raise ValueError("is nested too deeply")
    if isinstance(value, str):
        _check_whole(value)
    elif isinstance(value, int | float):
        if not -LARGEST <= value < LARGEST and not (isinstance(value, float) and math.isfinite(value)):
            raise ValueError("has a number in it that is too large")
    elif isinstance(value, dict):
        for name, each in value.items():
            _check_whole(name)
            _check(each, left - 1)
    elif isinstance(value, list):
        for each in value:
            _check(each, left - 1)


def _check_whole(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("has half of a character in it, which is no text") from None
