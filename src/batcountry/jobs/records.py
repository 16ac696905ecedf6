"""What jobs write down as JSON: with a version, read back within bounds, and refused in one sentence."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from batcountry.errors import JobError
from batcountry.recipe.json_text import read_json
from batcountry.recipe.validation import Checked

VERSION = 1
"""Of the JSON forms of specs, events and folders. It grows when what is older cannot be read any more."""

MAX_BYTES = 1 << 20
"""Most bytes of a spec or a state."""

T = TypeVar("T")


class Record(Checked):
    """Something that is written down; never changed, and with no fields but its own."""

    refusal = JobError


def read_record(kind: type[T] | TypeAdapter[T], data: str | bytes, what: str, most: int = MAX_BYTES) -> T:
    """Read a record from its JSON form.

    Parameters
    ----------
    what
        What it is called if it is refused, such as a file's name.
    most
        How many bytes it may have.

    Raises
    ------
    JobError
        If it is too long, no JSON, of another version, or says what cannot be.
    """
    try:
        found = read_json(data, most)
    except ValueError as error:
        raise JobError(f"{what} {'' if len(data) > most else 'is damaged: it '}{error}") from None
    if not isinstance(found, dict):
        raise JobError(f"{what} is damaged: it is not a JSON object")
    _check_version(found.get("version"), what)
    adapter = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    try:
        return adapter.validate_python(found, context={"json": True})
    except ValidationError as error:
        raise JobError(f"{what} is damaged: {_reason(error)}") from None
    except RecursionError:
        raise JobError(f"{what} is damaged: it is nested too deeply") from None


def _check_version(version: Any, what: str) -> None:
    if version == VERSION and version is not True:
        return
    if isinstance(version, int) and version > VERSION:
        raise JobError(f"{what} is of a newer version of bat-country (format {version}); take that one")
    raise JobError(f"{what} is not of format {VERSION}, which this version of bat-country reads")


def _reason(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(each) for each in first["loc"])
    message = first["msg"].splitlines()[0][:200]
    return f"{place}: {message}" if place else message
