"""Keyframes for the fields of `Recipe`."""

from __future__ import annotations

from typing import Any

from batcountry.errors import RecipeError
from batcountry.motion.keyframes import Curve, Fade
from batcountry.recipe import Recipe

FADED = ("layer", "objective")
"""Fields of `Recipe` whose keyframes are faded into each other."""

LEFT_OUT = (
    *("wrap", "clip", "initial_size", "final_size", "spacing", "carry", "redirect_relu", "start", "canvas"),
    *("color", "rescale", "windows", "window_batch", "window_rates", "alpha", "fade"),
)
"""Fields of `Recipe` that films do not have."""

FIXED = (
    *LEFT_OUT,
    *("model", "weights", "mean", "std", "channels", "precision", "device"),
    *("size", "enlarge", "param", "tile", "max_memory"),
)
"""Fields of `Recipe` that a film has one value of."""


def _numeric(name: str) -> type | None:
    annotation = Recipe.model_fields[name].annotation
    members = getattr(annotation, "__args__", ()) or (annotation,)
    return next((each for each in (int, float) if each in members), None)


def checked_key(name: str, text: str) -> str:
    """Return the text form of keyframes of a field; raises `ValueError` if a value cannot be the field's."""
    if name not in Recipe.model_fields or name in FIXED:
        able = [each for each in Recipe.model_fields if each not in FIXED]
        raise ValueError(f"{name!r} has no keyframes; what has is {', '.join(able)}")
    try:
        curve = Curve.parse(text) if _numeric(name) else Fade.parse(text)
        for key in curve.keys:
            Recipe().with_options(**{name: _value(name, key.text)})
    except RecipeError as error:
        raise ValueError(str(error)) from None
    return str(curve)


def _value(name: str, text: str) -> Any:
    kind = _numeric(name)
    if kind is None:
        return text
    return round(float(text)) if kind is int else float(text)


def keyed(name: str, text: str, *, frame: int, time: float) -> Any:
    """Return the value that keyframes give a field at a frame; of texts the one that counts there."""
    if _numeric(name):
        return _value(name, str(Curve.parse(text).at(frame, time)))
    return Fade.parse(text).at(frame, time)[0][0]
