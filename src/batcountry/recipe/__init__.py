"""What to make, as data: recipes, their text forms, presets and units. Nothing here imports PyTorch."""

from batcountry.recipe.schema import Note, Recipe

__all__ = ["Note", "Recipe"]
