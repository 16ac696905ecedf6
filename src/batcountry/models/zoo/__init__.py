"""Networks that are known by name: what they are, and where their files are kept.

The files are kept in the folder that the environment variable `BATCOUNTRY_CACHE` names, or else
in the user's cache folder of the system.

Examples
--------
>>> from batcountry.models import zoo
>>> [card.name for card in zoo.find("vgg_ilsvrc*")]
['vgg_ilsvrc_16_layers', 'vgg_ilsvrc_19_layers']
>>> zoo.card("bvlc_googlenet").license
'unrestricted use'
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from batcountry.errors import ModelError, suggestion
from batcountry.models.zoo.cards import Cards, ModelCard, ModelFile, Source

if TYPE_CHECKING:
    from batcountry.models.zoo.downloads import Watch

__all__ = [
    "ModelCard",
    "ModelFile",
    "Source",
    "add",
    "card",
    "cards",
    "find",
    "folder",
    "folder_here",
    "get",
    "is_here",
]

CACHE = "BATCOUNTRY_CACHE"

_cards: dict[str, ModelCard] = {}


def cards() -> tuple[ModelCard, ...]:
    """Return the cards of all known networks."""
    if not _cards:
        found = Cards.read(Path(__file__).with_name("zoo.json"))
        _cards.update((each.name, each) for each in found.cards)
    return tuple(_cards.values())


def find(pattern: str = "*") -> list[ModelCard]:
    """Return the cards whose names fit a pattern with wildcards, as timm's `list_models` does.

    Capitals and small letters are the same.
    """
    return [each for each in cards() if fnmatchcase(each.name.lower(), pattern.lower())]


def card(name: str) -> ModelCard:
    """Return a network's card.

    Raises
    ------
    ModelError
        If none is known by that name.
    """
    names = [each.name for each in cards()]
    if name not in names:
        raise ModelError(f"no network {name!r} is known{suggestion(name, names)}; see bat-country models")
    return _cards[name]


def add(new: ModelCard) -> None:
    """Make a network of your own known for this process.

    Raises
    ------
    ModelError
        If there is one of that name.
    """
    if any(each.name == new.name for each in cards()):
        raise ModelError(f"a network {new.name!r} is known already; give yours another name")
    _cards[new.name] = new


def folder(name: str) -> Path:
    """Return the folder where a network's files are, or would be."""
    import platformdirs

    cache = os.environ.get(CACHE)
    root = Path(cache).expanduser() if cache else platformdirs.user_cache_path("bat-country", appauthor=False)
    return root.absolute() / "models" / card(name).name


def is_here(name: str) -> bool:
    """Whether all files of a network are there; their hashes are not looked at."""
    found = card(name)
    return found.embedded or all((folder(name) / each.name).is_file() for each in found.files)


def get(name: str, *, offline: bool = False, watch: Watch | None = None) -> Path:
    """Download what is missing of a network, check the hashes, and return its folder.

    A download that was cut off goes on where it was.

    Parameters
    ----------
    offline
        Only check what is there.
    watch
        Called with a file's name, the bytes that are there and the bytes there will be (or None)
        while it is downloaded.

    Raises
    ------
    ModelError
        If a file cannot be had, or has no published hash and is not there; the message says where
        to put it by hand.
    """
    from batcountry.models.zoo.downloads import fetch

    found = card(name)
    if found.embedded:
        raise ModelError(f"{name} comes with the package; there is nothing to download")
    place = folder(name)
    for file in found.files:
        fetch(file, place, watch or (lambda *_: None), offline=offline)
    return place


def folder_here(name: str) -> Path:
    """Return the folder of a network whose files are there.

    Raises
    ------
    ModelError
        If they are not there; the message says how to get them.
    """
    found, place = card(name), folder(name)
    missing = [each.name for each in found.files if not (place / each.name).is_file()]
    if missing:
        hand = f"put {' and '.join(missing)} in {place}"
        if found.by_hand:
            raise ModelError(
                f"{name} is not here yet; {hand} (bat-country models show {name} says where from)"
            )
        raise ModelError(f"{name} is not here yet; get it with: bat-country models get {name} (or {hand})")
    return place
