"""The model that a recipe names."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from shlex import join
from threading import Lock

import torch
from torch import nn

from batcountry.backend.policy import OPEN, STRICT, Policy
from batcountry.errors import RecipeError
from batcountry.models import MODELS, Model, open_model
from batcountry.models.loaders.named import names_function
from batcountry.models.loaders.registry import PROGRAMS
from batcountry.recipe import Recipe


def open_recipe_model(
    recipe: Recipe,
    *,
    module: nn.Module | None = None,
    policy: Policy = OPEN,
    sha256: str | None = None,
) -> Model:
    """Open a recipe's model.

    Parameters
    ----------
    module
        A PyTorch module to open in place of what the recipe names.
    policy
        What the recipe may do; a strict one for recipes out of pictures, folders of unfinished work, and from the web.
    sha256
        Of its weights; see `open_model`.

    Raises
    ------
    RecipeError
        If `mean` or `std` are no numbers.
    PolicyError
        If to open it is more than the policy allows.
    ModelError
        If it cannot be opened.
    """
    return open_model(
        recipe.model if module is None else module,
        recipe.weights,
        mean=_mean(recipe.mean, policy),
        std=_numbers("std", recipe.std),
        input=recipe.channels,
        policy=policy,
        sha256=sha256,
    )


_recent: OrderedDict[Hashable, Model] = OrderedDict()
_recent_lock = Lock()
_MOST_RECENT = 2


def recent_model(
    recipe: Recipe, device: torch.device, *, policy: Policy = OPEN, sha256: str | None = None
) -> Model:
    """Return a recipe's model on a graphics card, one that was opened for the last dreams if it is known by name.

    To bring it there again takes longer than a dream. Raises what `open_recipe_model` raises.
    """
    if recipe.model not in MODELS or recipe.weights is not None:
        return open_recipe_model(recipe, policy=policy, sha256=sha256).to(device)
    key = recipe.model, recipe.mean, recipe.std, recipe.channels, sha256, device
    with _recent_lock:
        model = _recent.get(key)
    if model is None:  # others need not wait while it is opened
        model = open_recipe_model(recipe, policy=policy, sha256=sha256).to(device)
    with _recent_lock:
        model = _recent.pop(key, model)  # of two that were opened meanwhile, the first
        _recent[key] = model
        while len(_recent) > _MOST_RECENT:
            _recent.popitem(last=False)
        return model


def _mean(text: str | None, policy: Policy) -> Sequence[float] | str | None:
    """Return a mean's numbers, or the name of the file that has them."""
    try:
        return _numbers("mean", text)
    except RecipeError:
        if text is None or not policy.check_file(text).is_file():
            raise
        return text


def _numbers(name: str, text: str | None) -> Sequence[float] | None:
    if text is None:
        return None
    try:
        return [float(each) for each in text.split(",")]
    except ValueError:
        raise RecipeError(f"{name} must be numbers with commas between them, not {text!r}") from None


def runs_code(model: str) -> bool:
    """Whether to open a model of that name is to run code: a function of Python's, or a TorchScript file."""
    return names_function(model) or Path(model).suffix.lower() in PROGRAMS


def resume_command(
    folder: Path,
    model: str,
    files: Iterable[str | None] = (),
    results: Iterable[str] = (),
    *,
    large: bool = False,
) -> str:
    """Return the command that goes on with the work in a folder, with the leave that it needs.

    Parameters
    ----------
    folder
        Of the work.
    model
        Its name.
    files, results
        Those that the work reads, None for none, and where its results go.
    large
        Whether it is more work than is allowed if nothing is said.
    """
    words = ["bat-country", "resume", str(folder)]
    words += ["--run-code"] if runs_code(model) else []
    home = folder.resolve().parent
    policy = STRICT.allow(Path.cwd(), home)
    others = [each for each in files if each and not policy.may_read(each)]
    others += [each for each in results if not STRICT.may_write(each, home)]
    folders = dict.fromkeys(str(Path(each).parent) for each in others)
    words += [word for each in folders for word in ("--allow", each)]
    return join([*words, *(["--no-limits"] if large else [])])


def from_anywhere(name: str) -> str:
    """Return a model's or a file's name as it opens from any working folder."""
    is_path = name not in MODELS and (":" not in name or Path(name).exists())
    return str(Path(name).resolve()) if is_path else name
