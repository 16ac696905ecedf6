"""How a recipe says that Python code was in the place of its text."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

from batcountry.errors import RecipeError

NAME = "python"
"""The call that stands for a function: `python("module.name")`, which nothing can be called by."""

_MARK = re.compile(rf"\b{NAME}\(\"")


def mark(function: Any) -> str:
    """Return what stands for a function in a recipe."""
    return f"{NAME}({json.dumps(name_of(function), ensure_ascii=False)})"


def has_mark(text: str | None) -> bool:
    """Whether a text stands for a function, or has a part that does."""
    return text is not None and _MARK.search(text) is not None


def refuse(what: str, text: str) -> RecipeError:
    """Return the error for a text, of an option or a kind of thing, that stands for Python code."""
    return RecipeError(
        f"the {what} {text} was Python code, which no file holds: give it again, or run the program that it was in"
    )


def name_of(function: Any) -> str:
    """Return a function's or a class's name with its module, or that of an object's class."""
    while isinstance(function, functools.partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"
