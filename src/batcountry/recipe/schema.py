"""Everything that makes a dream again, as one validated value with a JSON form."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from batcountry.recipe.groups.memory import MemoryOptions
from batcountry.recipe.groups.network import NetworkOptions
from batcountry.recipe.groups.objective import ObjectiveOptions
from batcountry.recipe.groups.octaves import OctaveOptions
from batcountry.recipe.groups.picture import PictureOptions
from batcountry.recipe.groups.step import StepOptions
from batcountry.recipe.html import recipe_table
from batcountry.recipe.old_spelling import respelled

STRENGTHS = {"gentle": 0.5, "normal": 1.0, "wild": 1.5}
"""What the size of steps is multiplied by, by strength."""


# A class's fields come after those of the classes to its right.
class Recipe(MemoryOptions, PictureOptions, StepOptions, OctaveOptions, ObjectiveOptions, NetworkOptions):
    """How to dream. Immutable; `recipe.model_dump_json()` and `Recipe.read(text)` are its JSON form.

    The command line's options, a picture's note and every caller's keywords are these fields.
    """

    @model_validator(mode="before")
    @classmethod
    def _by_names_of_today(cls, options: Any) -> Any:
        return respelled(options) if isinstance(options, dict) else options

    def with_options(self, **options: Any) -> Recipe:
        """Return this recipe with some fields changed, checked like new."""
        return super().with_options(**respelled(options))

    @property
    def stride(self) -> float:
        """How far a step goes: its size, times what the strength makes of it."""
        return (self.step_size or 0.0) * STRENGTHS[self.strength]

    def _repr_html_(self) -> str:
        return recipe_table(self)
