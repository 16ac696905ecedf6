"""Recipes written before the options had American names: they are read, and never written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NAMES = {"colour": "color", "normalise": "normalize"}
_WORDS = {"objective": ("recolour(", "recolor("), "start": ("grey", "gray"), "channels": ("grey", "gray")}


def respelled(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options by their names of today.

    Raises
    ------
    ValueError
        If an option is there by both its names.
    """
    for old, new in _NAMES.items():
        if old in options and new in options:
            raise ValueError(f"{old} is the old name of {new}; leave it out")
    found = {_NAMES.get(name, name): value for name, value in options.items()}
    for name, (old, new) in _WORDS.items():
        if isinstance(found.get(name), str):
            found[name] = found[name].replace(old, new)
    return found
