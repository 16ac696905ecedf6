"""The model that a recipe names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from torch import nn

from batcountry.errors import RecipeError
from batcountry.models import MODELS, Model, open_model
from batcountry.models.loaders.named import names_function
from batcountry.recipe import Recipe


def open_recipe_model(recipe: Recipe, *, module: nn.Module | None = None, trusted: bool = True) -> Model:
    """Open a recipe's model.

    Parameters
    ----------
    module
        A PyTorch module to open in place of what the recipe names.
    trusted
        Whether whoever wrote the recipe may have code of this machine's run by its name; False for recipes
        out of pictures, folders of unfinished work, and from the web.

    Raises
    ------
    RecipeError
        If the model is a function's and the recipe is not trusted, or `mean` or `std` are no numbers.
    ModelError
        If it cannot be opened.
    """
    if module is None and not trusted and names_function(recipe.model):
        raise RecipeError(
            f"to open {recipe.model} is to run that function, and the recipe may be anybody's; "
            "allow it with --run-code (trusted=True in Python) if you trust who wrote it"
        )
    mean: Sequence[float] | str | None = recipe.mean
    if recipe.mean is not None and not Path(recipe.mean).is_file():
        mean = _numbers("mean", recipe.mean)
    return open_model(
        recipe.model if module is None else module,
        recipe.weights,
        mean=mean,
        std=_numbers("std", recipe.std),
        input=recipe.channels,
    )


def _numbers(name: str, text: str | None) -> Sequence[float] | None:
    if text is None:
        return None
    try:
        return [float(each) for each in text.split(",")]
    except ValueError:
        raise RecipeError(f"{name} must be numbers with commas between them, not {text!r}") from None


def resume_command(folder: Path, model: str) -> str:
    """Return the command that goes on with the work in a folder, whose model has that name."""
    return f"bat-country resume {quote(str(folder))}{' --run-code' if names_function(model) else ''}"


def from_anywhere(name: str) -> str:
    """Return a model's or a file's name as it opens from any working folder."""
    is_path = name not in MODELS and (":" not in name or Path(name).exists())
    return str(Path(name).resolve()) if is_path else name
