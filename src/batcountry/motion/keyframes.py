"""Values that change along a film: a constant, or keyframes with easing between them; and which fields have them.

A curve has a text form, so that it fits an option, a recipe and a note: `1.02`, or
`0: 1.02, 100: 1.1 smooth, 150: 1`. A key is a frame's number, or seconds with an `s`. The word after a
value says how it is reached: `linear` (if none is given), `smooth` (slow, quick, slow) or
`hold` (the value before stays until then).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from batcountry.errors import RecipeError
from batcountry.recipe import Recipe
from batcountry.recipe.units import SECONDS, seconds_of, text_schema

FADED = ("layer", "objective")
"""Fields of `Recipe` whose keyframes are faded into each other."""

LEFT_OUT = (
    *("wrap", "clip", "initial_size", "final_size", "spacing", "carry", "redirect_relu", "start", "canvas"),
    *("color", "rescale", "windows", "window_batch", "window_rates", "alpha", "fade", "frame"),
)
"""Fields of `Recipe` that films do not have."""

FIXED = (
    *LEFT_OUT,
    *("model", "weights", "mean", "std", "channels", "precision", "device"),
    *("size", "enlarge", "param", "tile", "max_memory", "views", "view_batch"),
)
"""Fields of `Recipe` that a film has one value of."""

EASINGS = ("linear", "smooth", "hold")
_KEY = re.compile(r"(?:^|,)\s*(\d+(?:\.\d+)?)\s*(s?)\s*:(?!:)")
_LONGEST = 20_000


@dataclass(frozen=True)
class Key:
    """One keyframe: when, as a frame's number or in seconds, what as text, and how it is reached."""

    at: float
    seconds: bool
    text: str
    easing: str

    def __str__(self) -> str:
        easing = "" if self.easing == "linear" else f" {self.easing}"
        return f"{self.at:g}{'s' if self.seconds else ''}: {self.text}{easing}"


@dataclass(frozen=True)
class Fade:
    """Texts by keyframe, such as layers, of which two are mixed between their keys."""

    keys: tuple[Key, ...]

    @classmethod
    def parse(cls, text: str) -> Fade:
        """Read a fade's text form; raises `RecipeError` if it is none."""
        return cls(_keys(text))

    def at(self, frame: int, time: float) -> list[tuple[str, float]]:
        """Return the texts that count at a frame, with weights that add up to 1."""
        first, second, share = _between(self.keys, frame, time)
        if share <= 0 or first.text == second.text:
            return [(first.text, 1.0)]
        return [(second.text, 1.0)] if share >= 1 else [(first.text, 1 - share), (second.text, share)]

    def __str__(self) -> str:
        return _written(self.keys)


@dataclass(frozen=True)
class Curve:
    """Numbers by keyframe. Before the first key and after the last the value stays."""

    keys: tuple[Key, ...]

    @classmethod
    def parse(cls, source: str | float | Mapping[Any, float]) -> Curve:
        """Make a curve of its text form, a number, or a mapping from frames to numbers.

        Raises
        ------
        RecipeError
            If it is none of these, or a value is not a finite number.
        """
        if isinstance(source, Mapping):
            source = ", ".join(f"{frame}: {value}" for frame, value in source.items())
        keys = _keys(str(source))
        for key in keys:
            try:
                finite = math.isfinite(float(key.text))
            except ValueError:
                finite = False
            if not finite:
                raise RecipeError(f"{key.text!r} is not a number; write a curve as 0: 1.02, 100: 1.1 smooth")
        return cls(keys)

    def at(self, frame: int, time: float) -> float:
        """Return the value at a frame that is shown at `time`, in seconds."""
        first, second, share = _between(self.keys, frame, time)
        low, high = float(first.text), float(second.text)
        return low + (high - low) * share

    @property
    def values(self) -> list[float]:
        """The values at the keys; those between lie between them."""
        return [float(key.text) for key in self.keys]

    def __str__(self) -> str:
        return _written(self.keys)


def _keys(text: str) -> tuple[Key, ...]:
    text = text.strip()
    if not text or len(text) > _LONGEST:
        raise RecipeError("a curve is a value, or keyframes such as 0: 1.02, 100: 1.1 smooth")
    marks = list(_KEY.finditer(text))
    if not marks:
        return (Key(0, False, text, "linear"),)
    if text[: marks[0].start()].strip():
        raise RecipeError(f"{text[: marks[0].start()].strip()!r} comes before the first keyframe of {text!r}")
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    keys = []
    for mark, end in zip(marks, ends, strict=True):
        value = text[mark.end() : end].strip()
        easing = next((name for name in EASINGS if value.endswith(f" {name}")), "linear")
        value = value.removesuffix(easing).strip() if value.endswith(f" {easing}") else value
        if not value:
            raise RecipeError(f"the keyframe {mark[1]}{mark[2]} of {text!r} has no value")
        keys.append(Key(float(mark[1]), bool(mark[2]), value, easing))
    if any(key.seconds for key in keys):  # 0 is the beginning in both
        keys = [replace(key, seconds=True) if key.at == 0 else key for key in keys]
    for before, after in pairwise(keys):
        if before.seconds != after.seconds:
            raise RecipeError(f"{text!r} mixes frames and seconds; give all keyframes in one of them")
        if before.at >= after.at:
            raise RecipeError(
                f"the keyframes of {text!r} must follow one another; {after.at:g} comes too late"
            )
    return tuple(keys)


def _between(keys: tuple[Key, ...], frame: int, time: float) -> tuple[Key, Key, float]:
    """Return the keys before and after a moment and how far it is from the one to the other, eased."""
    now = time if keys[0].seconds else frame
    for before, after in pairwise(keys):
        if now < after.at:
            share = max(0.0, (now - before.at) / (after.at - before.at))
            return before, after, _eased(share, after.easing)
    return keys[-1], keys[-1], 0.0


def _eased(share: float, easing: str) -> float:
    if easing == "hold":
        return 0.0
    return smooth(share) if easing == "smooth" else share


def smooth(share: float) -> float:
    """Return a share of the way, 0 to 1, as what begins and ends slowly has gone it (Hermite's cubic, `smoothstep`)."""
    return share * share * (3 - 2 * share)


def _written(keys: tuple[Key, ...]) -> str:
    alone = len(keys) == 1 and keys[0].at == 0
    return keys[0].text if alone else ", ".join(str(key) for key in keys)


def _curve(source: Any) -> str:
    try:
        return str(Curve.parse(source if isinstance(source, Mapping) else str(source)))
    except RecipeError as error:
        raise ValueError(str(error)) from None


def _time(text: Any) -> str | None:
    if text is None:
        return None
    try:
        return f"{float(seconds_of(str(text))):g}"
    except RecipeError as error:
        raise ValueError(str(error)) from None


def _rate(text: str) -> str:
    try:
        rate = Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        raise ValueError("give a number, or a fraction such as 30000/1001") from None
    if not 0.1 <= rate <= 1000 or rate.denominator > 1_000_000:
        raise ValueError("it must be from 0.1 to 1000")
    return str(rate)


RateText = Annotated[str, AfterValidator(_rate)]
"""Frames a second: a number, or a fraction such as `30000/1001`."""

CurveText = Annotated[str, BeforeValidator(_curve)]
"""A curve's text form; a number or a mapping from frames to numbers becomes one."""

TimeText = Annotated[Annotated[str, text_schema(SECONDS)] | None, BeforeValidator(_time)]
"""Seconds; `1:02:03.5` becomes them."""


def within(text: str, low: float, high: float) -> str:
    """Return a curve's text if its values are from `low` to `high`; raises `ValueError` if one is not."""
    for value in Curve.parse(text).values:
        if not low <= value <= high:
            raise ValueError(f"its values must be from {low:g} to {high:g}")
    return text


def _numeric(name: str) -> type | None:
    annotation = Recipe.model_fields[name].annotation
    members = getattr(annotation, "__args__", ()) or (annotation,)
    return next((kind for kind in (int, float) if kind in members), None)


def checked_key(name: str, text: str) -> str:
    """Return the text form of keyframes of a field; raises `ValueError` if a value cannot be the field's."""
    if name not in Recipe.model_fields or name in FIXED:
        able = [field for field in Recipe.model_fields if field not in FIXED]
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
