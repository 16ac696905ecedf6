"""A deep-dream toolkit: any convolutional network, any size of picture.

>>> import batcountry
>>> batcountry.dream("photo.jpg").save("dream.png")  # doctest: +SKIP

Names are loaded when first used, so that `import batcountry` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batcountry.classic import BatCountry as BatCountry
    from batcountry.dreams import Step as Step
    from batcountry.dreams import dream as dream
    from batcountry.dreams import dreaming as dreaming
    from batcountry.models import Model as Model
    from batcountry.models import open_model as open_model
    from batcountry.picture import Picture as Picture
    from batcountry.picture import read_picture as read_picture
    from batcountry.recipe import Note as Note
    from batcountry.recipe import Recipe as Recipe

_HOMES = {
    "BatCountry": "batcountry.classic",
    "Step": "batcountry.dreams",
    "dream": "batcountry.dreams",
    "dreaming": "batcountry.dreams",
    "Model": "batcountry.models",
    "open_model": "batcountry.models",
    "Picture": "batcountry.picture",
    "read_picture": "batcountry.picture",
    "Note": "batcountry.recipe",
    "Recipe": "batcountry.recipe",
}
_MODULES = ("caffe", "errors", "models", "objectives", "octaves")

__all__ = [*_HOMES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"batcountry.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'batcountry' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
