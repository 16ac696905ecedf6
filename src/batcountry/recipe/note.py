"""What a picture says of itself: how it was made, and on what."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, field_validator

from batcountry.recipe.old_spelling import respelled
from batcountry.recipe.schema import Recipe
from batcountry.recipe.stopped import MayBeStopped
from batcountry.recipe.validation import noted

_FIRST_LOOK: dict[str, Any] = {"param": "pixels", "normalize": "mean", "octaves": 4}
"""What notes that do not say it, as they are older than the fields, stand for."""


class Note(MayBeStopped):
    """What a picture says of itself: the recipe, and what it was used on and with."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str
    """Of this package."""
    recipe: Recipe
    input: str | None
    """File name of the picture dreamed on, as it was given; None for one that was not a file."""
    input_sha256: str
    weights_sha256: str
    threads: int | None = Field(default=None, ge=1, le=1024)
    """Of the processor, that computed; with another number sums are rounded otherwise. None in notes from before it was kept."""

    @field_validator("recipe", mode="before")
    @classmethod
    def _is_complete(cls, recipe: Any) -> Any:
        return {**_FIRST_LOOK, **respelled(recipe)} if isinstance(recipe, dict) else recipe

    @classmethod
    def read(cls, text: str) -> Note:
        """Read a note from its JSON form; raises `RecipeError` if it is not one."""
        return noted(cls, text, "picture")
