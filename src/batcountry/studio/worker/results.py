"""What a job's results are for the gallery: sizes, and what they were made with."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from batcountry.errors import BatCountryError
from batcountry.image.files import picture_size
from batcountry.jobs.spec import JobSpec
from batcountry.studio.places import StudioFolder
from batcountry.studio.store.pictures import Media, NewPicture

_FILMS = {".mp4", ".mkv", ".webm", ".mov", ".gif", ".apng"}
_LEFT_OUT = {"steps"}
"""Outputs that are for looking into the studio's folder only."""

_SIZE = re.compile(r'\b(Width|Height)="(\d{1,9})"')


def results_of(
    outputs: Mapping[str, str], spec: JobSpec, places: StudioFolder, *, source: str = ""
) -> list[NewPicture]:
    """Return a finished job's results for the gallery.

    Parameters
    ----------
    outputs
        Where they are, by name, as `batcountry.jobs.events.Done` has them.
    spec
        As it was when the job ended, with all that was chosen.
    source
        The upload or picture that it was made from.
    """
    recipe = _dream_of(spec)
    made_with = {
        "network": str(recipe.get("model") or ""),
        "layer": str(recipe.get("layer") or recipe.get("objective") or ""),
        "recipe": json.dumps(spec.recipe),
        "source": source,
    }
    found = []
    for name, place in outputs.items():
        path = Path(place)
        if name in _LEFT_OUT or not path.exists():
            continue
        media = _media(name, path)
        width, height = _size(path, media)
        file = places.relative(path)
        found.append(NewPicture(name, file, media, width, height, bytes_of(path), **made_with))
    return found


def bytes_of(path: Path) -> int:
    """Return how many bytes a file has, or all in a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def _dream_of(spec: JobSpec) -> Mapping[str, Any]:
    inner = spec.recipe.get("dream")
    return inner if isinstance(inner, dict) else spec.recipe


def _media(name: str, path: Path) -> Media:
    if path.is_dir():
        return "pyramid" if (path / "dream.dzi").is_file() else "sheet" if name == "atlas" else "film"
    if name == "film" or path.suffix.lower() in _FILMS:
        return "film"
    return "sheet" if name.startswith("plot") else "picture"


def _size(path: Path, media: Media) -> tuple[int, int]:
    """Return width and height in pixels, 0 if it has none or they cannot be told."""
    if media == "pyramid":
        said = dict(_SIZE.findall((path / "dream.dzi").read_text(encoding="utf-8")))
        return int(said.get("Width", 0)), int(said.get("Height", 0))
    if path.is_dir():
        return 0, 0
    if media == "film":
        return _film_size(path)
    with suppress(BatCountryError):
        return picture_size(path)
    return 0, 0


def _film_size(path: Path) -> tuple[int, int]:
    import av

    try:
        with av.open(str(path)) as film:
            shown = film.streams.video[0]
            return shown.width, shown.height
    except (OSError, ValueError, IndexError):  # PyAV's errors are of these kinds
        return 0, 0
