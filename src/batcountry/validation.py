"""From options and JSON to checked values, with errors in one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from batcountry.errors import RecipeError

T = TypeVar("T", bound=BaseModel)


def made(kind: type[T], options: dict[str, Any]) -> T:
    """Make a value of options by name.

    Raises
    ------
    RecipeError
        If one is unknown or out of its range; the message names the first.
    """
    try:
        return kind(**options)
    except ValidationError as error:
        raise RecipeError(said(error, kind.model_fields)) from None


def json_object(text: str, what: str) -> dict[str, Any]:
    """Read a JSON object; raises `RecipeError`, which calls it `what`, if the text is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise RecipeError(f"the {what} is not JSON") from None
    if not isinstance(found, dict):
        raise RecipeError(f"the {what} is not a JSON object")
    return found


def noted(kind: type[T], text: str, whose: str) -> T:
    """Read the note inside a file from its JSON form; raises `RecipeError`, which says `whose` it is, if it is none."""
    try:
        return kind(**json_object(text, "note"))
    except ValidationError as error:
        raise RecipeError(f"the {whose}'s note is damaged: {said(error, kind.model_fields)}") from None


def is_of_film(note: str) -> bool:
    """Whether a note's JSON form is a film's, which its frames have inside too."""
    recipe = json_object(note, "picture's note").get("recipe")
    return isinstance(recipe, dict) and "kind" in recipe


def said(error: ValidationError, known: Iterable[str]) -> str:
    """Return what was wrong first, in one sentence; `known` are the options that there are."""
    first = error.errors()[0]
    name = ".".join(str(each) for each in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"there is no option {name!r}; the options are {', '.join(known)}"
    reason = str(first.get("ctx", {}).get("error", first["msg"]))
    return f"{name} cannot be {first['input']!r}: {reason[:1].lower()}{reason[1:]}"
