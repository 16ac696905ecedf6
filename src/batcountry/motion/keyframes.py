"""Values that change along a film: a constant, or keyframes with easing between them.

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
from itertools import pairwise
from typing import Any

from batcountry.errors import RecipeError

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
    def parse(cls, given: str | float | Mapping[Any, float]) -> Curve:
        """Make a curve of its text form, a number, or a mapping from frames to numbers.

        Raises
        ------
        RecipeError
            If it is none of these, or a value is not a finite number.
        """
        if isinstance(given, Mapping):
            given = ", ".join(f"{frame}: {value}" for frame, value in given.items())
        keys = _keys(str(given))
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
        easing = next((each for each in EASINGS if value.endswith(f" {each}")), "linear")
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
    return share * share * (3 - 2 * share) if easing == "smooth" else share


def _written(keys: tuple[Key, ...]) -> str:
    alone = len(keys) == 1 and keys[0].at == 0
    return keys[0].text if alone else ", ".join(str(key) for key in keys)
