"""What to make, as data: recipes, their text forms, presets and units. Nothing here imports PyTorch."""

from batcountry.recipe.note import Note
from batcountry.recipe.schema import Recipe

__all__ = ["Note", "Recipe"]
