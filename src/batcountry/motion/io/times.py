"""Folders of frames: their order, and when each is shown."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from batcountry.backend.folders import pictures_in
from batcountry.backend.reading import MAX_TEXT, read_plain
from batcountry.errors import RecipeError, VideoError
from batcountry.recipe.json_text import read_json

TIMES = "times.json"
"""The file beside the pictures that says when each is shown."""


class Times(BaseModel):
    """When each picture of a folder is shown, so that a video put together again has its times and its sound."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    rate: Fraction
    time_base: Fraction
    shift: Fraction
    """Seconds that were taken off all times."""
    stop: Fraction | None
    """Where the source was left, in seconds."""
    frames: dict[str, tuple[int, int]]
    """Each picture's pts and duration, in ticks, by name."""

    @classmethod
    def beside(cls, folder: Path) -> Times | None:
        """Return what a folder says of its pictures, or None; raises `VideoError` if that is damaged."""
        path = folder / TIMES
        if not path.exists():
            return None
        try:
            times = cls.model_validate(read_json(read_plain(path, most=MAX_TEXT, error=VideoError), MAX_TEXT))
        except ValueError:  # of which pydantic's is one
            times = None
        if times is None or times.rate <= 0 or times.time_base <= 0:
            raise VideoError(f"{path} is damaged; delete it and give --fps")
        return times

    def stamps(self, pictures: list[Path]) -> list[tuple[int, int]]:
        """Return each picture's pts and duration; raises `VideoError` if one is missing, or they are in another order."""
        names = [each.with_suffix(".png").name for each in pictures]
        missing = next((name for name in names if name not in self.frames), None)
        if missing:
            raise VideoError(f"{TIMES} does not say when {missing} is shown; give --fps")
        found = [self.frames[name] for name in names]
        if any(length < 1 for _, length in found) or any(a[0] >= b[0] for a, b in pairwise(found)):
            raise VideoError(f"{TIMES} has times that go back; delete it and give --fps")
        return found


def frames_in(folder: Path) -> list[Path]:
    """Return a folder's pictures in the order of the numbers in their names; raises `PictureError` if there are none."""
    return sorted(pictures_in(folder), key=natural)


def natural(path: Path) -> list[Any]:
    """Return what sorts names with numbers in them as people do: 9 before 10."""
    pieces = re.split(r"([0-9]+)", path.name)
    return [int(each[:4000]) if index % 2 else each.lower() for index, each in enumerate(pieces)]


def frame_rate(fps: str | None, times: Times | None) -> Fraction:
    """Return frames a second as they were given, or as `times.json` has them, or 25; raises `RecipeError` for no number."""
    if fps is None:
        return times.rate if times else Fraction(25)
    try:
        rate = Fraction(fps)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0.1 <= rate <= 1000:
        raise RecipeError(f"{fps!r} is no number of frames a second; give 0.1 to 1000, or 30000/1001")
    return rate
