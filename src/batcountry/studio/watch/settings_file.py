"""How a watched folder is dreamed: a JSON file with clouddream's names, and the fields of recipes.

clouddream had `maxwidth`, `layer`, `iter_n`, `octave_n`, `octave_scale`, `step_size` and `jitter`. Besides, each field of
`batcountry.Recipe` may be given, `preset`, and for films those of `batcountry.motion.VideoRecipe`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batcountry.backend.reading import read_plain
from batcountry.errors import RecipeError, suggestion
from batcountry.motion.keyframes import LEFT_OUT
from batcountry.motion.recipes import VideoRecipe
from batcountry.recipe import Recipe
from batcountry.recipe.presets import expanded
from batcountry.recipe.validation import json_object

MOST = 1 << 20
"""Bytes of a settings file."""

MAX_WIDTH = "maxwidth"

OTHER_NAMES = {"iter_n": "iterations", "octave_n": "octaves"}
"""Fields of clouddream, by what they are called here."""

_FILES = ("model", "weights", "mean", "guide", "mask")
_OF_FILMS = frozenset(VideoRecipe.option_names()) - {"kind", "dream", *Recipe.option_names()}
_LEAST_WIDTH, _MOST_WIDTH = 8, 262_144


@dataclass(frozen=True)
class DreamSettings:
    """How pictures and films are dreamed.

    Attributes
    ----------
    recipe
        Of pictures, and of the frames of films.
    film
        Fields that only films have.
    max_width
        To which wider pictures are shrunk, in pixels; None for no bound.
    """

    recipe: Recipe = field(default_factory=Recipe)
    film: Mapping[str, Any] = field(default_factory=dict)
    max_width: int | None = None

    def picture(self, size: tuple[int, int] | None = None) -> Recipe:
        """Return the recipe for a picture of a width and height, if they matter."""
        if self.max_width is None or size is None or size[0] <= self.max_width:
            return self.recipe
        width, height = size
        longer = max(self.max_width, round(height * self.max_width / width), _LEAST_WIDTH)
        return self.recipe.with_options(size=min(longer, self.recipe.size or longer))

    def video(self) -> VideoRecipe:
        """Return the recipe for a film, of which frames are shrunk by their longer side; raises `RecipeError`."""
        given = self.recipe.model_dump(exclude_unset=True)
        dream = {name: value for name, value in given.items() if name not in (*LEFT_OUT, "size", "enlarge")}
        sides = [each for each in (self.film.get("max_size"), self.max_width, self.recipe.size) if each]
        longest = {"max_size": max(16, min(*sides, 16_384))} if sides else {}
        return VideoRecipe.of({**self.film, **longest, "dream": Recipe.of(dream)})

    def text(self) -> str:
        """Return the settings as a file has them."""
        given = {**self.recipe.model_dump(mode="json", exclude_unset=True), **self.film}
        return json.dumps(given if self.max_width is None else {**given, MAX_WIDTH: self.max_width})


def read_settings(path: Path) -> DreamSettings:
    """Read a settings file. Files that it names are looked for in its own folder.

    Raises
    ------
    RecipeError
        If it cannot be read, or has something wrong in it.
    """
    return settings_of(json_object(read_plain(path, most=MOST, error=RecipeError), "file"), path.parent)


def settings_of(fields: Mapping[str, Any], folder: Path) -> DreamSettings:
    """Return the settings of a file's fields; raises `RecipeError`."""
    given = {name: value for name, value in fields.items() if value is not None}
    for other, name in OTHER_NAMES.items():
        if other in given and name in given:
            raise RecipeError(f"{other} and {name} are the same; give one of them")
    given = {OTHER_NAMES.get(name, name): value for name, value in given.items()}
    if not isinstance(given.get("preset", ""), str):
        raise RecipeError("preset has to be a name")
    max_width = _width(given.pop(MAX_WIDTH, None))
    given = expanded(given)
    film = {name: given.pop(name) for name in _OF_FILMS & given.keys()}
    known = Recipe.option_names()
    for name in given.keys() - set(known):
        hint = suggestion(name, [*known, *sorted(_OF_FILMS), MAX_WIDTH, *OTHER_NAMES, "preset"])
        raise RecipeError(f"there is no setting {name[:80]!r}{hint}")
    VideoRecipe.of(film)
    recipe = Recipe.of({name: _from_anywhere(name, value, folder) for name, value in given.items()})
    return DreamSettings(recipe, film, max_width)


def _width(value: Any) -> int | None:
    if value is None:
        return None
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
    if not whole or not _LEAST_WIDTH <= value <= _MOST_WIDTH:
        raise RecipeError(
            f"{MAX_WIDTH} has to be a whole number of pixels from {_LEAST_WIDTH} to {_MOST_WIDTH:,}"
        )
    return int(value)


def _from_anywhere(name: str, value: Any, folder: Path) -> Any:
    """Return a field that may name a file so that it is found from any working folder."""
    if name not in _FILES or not isinstance(value, str):
        return value
    try:
        place = folder.absolute() / Path(value).expanduser()
        return str(place) if place.exists() else value
    except (OSError, ValueError, RuntimeError):
        return value
