"""Looks: parts of recipes that have a name for people, most of them a layer of the network that comes with the package."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Look:
    """A look.

    Attributes
    ----------
    title
        For people, in English; pages translate it.
    recipe
        The fields that it sets.
    """

    title: str
    recipe: dict[str, Any] = field(default_factory=dict)


LOOKS = {
    "creatures": Look("Creatures", {"layer": "blocks.10"}),
    "eyes": Look("Eyes", {"layer": "blocks.8"}),
    "scales": Look("Scales", {"layer": "blocks.5"}),
    "weave": Look("Weave", {"layer": "blocks.3"}),
    "strokes": Look("Strokes", {"layer": "blocks.1"}),
    "objects": Look("Objects", {"layer": "blocks.13"}),
    "classic": Look("As in 2015", {"preset": "classic"}),
    "one-thing": Look("One motif", {"objective": 'channel("blocks.10", 17)'}),
    "drawn": Look("Large shapes", {"layer": "blocks.10", "octaves": 6, "octave_scale": 1.5}),
}
"""By name, the usual one first; each fits the network that comes with the package."""

DEFAULT = "creatures"
"""The look of a picture that is dropped with nothing chosen."""
