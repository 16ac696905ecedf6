"""What the shell offers when Tab is pressed, found without importing PyTorch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from importlib.resources import files


def completing(values: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """Return a function from what was typed to those of the values that begin like that."""
    return lambda incomplete: [each for each in values() if each.startswith(incomplete)]


def model_names() -> list[str]:
    """Return the names of known networks."""
    # The package of models imports PyTorch, its list of networks is a file.
    cards = json.loads((files("batcountry") / "models" / "zoo" / "zoo.json").read_text("utf-8"))
    return [each["name"] for each in cards["cards"]]
