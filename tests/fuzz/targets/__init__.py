"""One module for each family of readers, with its `TARGETS`."""

from __future__ import annotations

import importlib
import pkgutil

from fuzz.target import Target


def all_targets() -> list[Target]:
    """Return the targets of all modules here, in the order of their names."""
    names = sorted(each.name for each in pkgutil.iter_modules(__path__))
    return [target for name in names for target in importlib.import_module(f"{__name__}.{name}").TARGETS]
