"""Kinds of values that films' recipes have: curves and times, as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator

from batcountry.errors import RecipeError
from batcountry.motion.keyframes import Curve


def _curve(given: Any) -> str:
    try:
        return str(Curve.parse(given if isinstance(given, Mapping) else str(given)))
    except RecipeError as error:
        raise ValueError(str(error)) from None


def _time(given: Any) -> str | None:
    if given is None:
        return None
    try:
        return f"{float(seconds_of(str(given))):g}"
    except RecipeError as error:
        raise ValueError(str(error)) from None


CurveText = Annotated[str, BeforeValidator(_curve)]
"""A curve's text form; a number or a mapping from frames to numbers becomes one."""

TimeText = Annotated[str | None, BeforeValidator(_time)]
"""Seconds; `1:02:03.5` becomes them."""


def seconds_of(text: str) -> Fraction:
    """Read a time such as `12.5`, `1:30` or `1:02:03.25`, in seconds; raises `RecipeError` if it is none."""
    if not re.fullmatch(r"(\d+:){0,2}\d+(\.\d*)?", text.strip()):
        raise RecipeError(f"{text!r} is not a time; write seconds, or 1:30, or 1:02:03.5")
    found = Fraction(0)
    for each in text.strip().split(":"):
        found = found * 60 + Fraction(each)
    return found


def within(text: str, low: float, high: float) -> str:
    """Return a curve's text if its values are from `low` to `high`; raises `ValueError` if one is not."""
    for value in Curve.parse(text).values:
        if not low <= value <= high:
            raise ValueError(f"its values must be from {low:g} to {high:g}")
    return text
