"""What a recipe from the network may say: no file, no address, no code, nothing of the machine's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from batcountry.backend.policy import Policy
from batcountry.errors import PolicyError, RecipeError
from batcountry.models import zoo
from batcountry.recipe import Recipe
from batcountry.recipe.units import parsed_size
from batcountry.studio.settings import StudioSettings

LONGEST = 4096
"""Characters of any text in a recipe."""

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://|\b(?:data|file|javascript|mailto|jar):\S", re.IGNORECASE)
_PATH = re.compile(r"""(?:^|["'])\s*(?:[/~\\]|\.{1,2}[/\\]|[A-Za-z]:[/\\])|\.\.[/\\]""")
_NUMBERS = re.compile(r"\s*[-+]?[\d.]+(e[-+]?\d+)?\s*(,\s*[-+]?[\d.]+(e[-+]?\d+)?\s*){0,7}", re.IGNORECASE)
_FILES = ("guide", "mask")
_TEXTS = ("layer", "objective", "start", "transforms")


def check_recipe(recipe: Recipe, settings: StudioSettings) -> None:
    """Check a recipe from the network, before a worker does so once more with a policy.

    Raises
    ------
    PolicyError
        If it names a file, an address, code or a device that it may not, or asks for too much.
    RecipeError
        If its network is not known.
    """
    policy = settings.policy
    for name, value in _texts(recipe.model_dump()):
        if len(value) > LONGEST:
            raise RecipeError(f"{name} has {len(value):,} characters; at most {LONGEST:,} are taken")
        if "\0" in value:
            raise RecipeError(f"{name} has a character in it that no text has")
        if _ADDRESS.search(value) and name != "model":
            raise PolicyError(
                f"{name} names an address, and the studio fetches nothing; upload the picture instead"
            )
    for name in _FILES:
        if getattr(recipe, name) is not None:
            raise PolicyError(
                f"{name} cannot name a file of the studio's machine; upload it, and send {name}: {{upload: id}} beside the recipe"
            )
    for name in _TEXTS:
        if _PATH.search(getattr(recipe, name) or ""):
            raise PolicyError(f"{name} names a file, and recipes from the network may not")
    _check_network(recipe, settings)
    _check_machine(recipe, settings, policy)


def _texts(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    return ((name, value) for name, value in values.items() if isinstance(value, str))


def _check_network(recipe: Recipe, settings: StudioSettings) -> None:
    for name in ("weights", "mean", "std"):
        value = getattr(recipe, name)
        if value is not None and not (name != "weights" and _NUMBERS.fullmatch(value)):
            _check_allowed(value, name, settings)
    model = recipe.model
    if any(card.name == model for card in zoo.cards()):
        if not zoo.is_here(model):
            raise RecipeError(
                f"the network {model} is not here yet; whoever runs the studio gets it with: bat-country models get {model}"
            )
        return
    if re.fullmatch(r"(timm|torchvision):.*|[\w.]+:\w+", model):
        if not settings.run_code:
            raise PolicyError(
                f"to open {model} is to run code or to fetch weights, which recipes from the network may not; "
                "take one of the networks that GET /networks lists"
            )
        return
    if _ADDRESS.search(model) or re.search(r"[/\\~]|\.\w+$", model):
        _check_allowed(model, "model", settings)
    else:
        zoo.card(model)  # which says what it was meant to be


def _check_allowed(value: str, name: str, settings: StudioSettings) -> None:
    place = Path(value)
    folders = tuple(each.resolve() for each in settings.allow)
    if not place.is_absolute() or not Policy(folders=folders).may_read(place):
        raise PolicyError(
            f"{name} cannot name a file or an address in a recipe from the network; whoever runs the studio may allow a folder "
            "with --allow"
        )


def _check_machine(recipe: Recipe, settings: StudioSettings, policy: Policy) -> None:
    if recipe.device not in ("auto", *(settings.devices or ("cpu",))):
        raise PolicyError(f"this studio does not dream on {recipe.device!r}; leave the device out")
    policy.check_steps((recipe.octaves or 1) * recipe.iterations)
    most = policy.max_pixels or 0
    policy.check_pixels(parsed_size(recipe.canvas), "the start")
    for name in ("size", "enlarge"):
        side = getattr(recipe, name)
        if side is not None and name == "enlarge" and side > most:
            raise PolicyError(f"{name} is more than the {most:,} pixels that are allowed")


def check_keys(keys: Mapping[str, str]) -> None:
    """Raise `PolicyError` for curves of a film that name files or addresses."""
    for name, value in keys.items():
        if name in (*_FILES, "model", "weights", "mean", "std", "device"):
            raise PolicyError(f"a film from the network cannot change its {name}")
        if _ADDRESS.search(value) or _PATH.search(value):
            raise PolicyError(
                f"the curve of {name} names a file or an address, and recipes from the network may not"
            )
