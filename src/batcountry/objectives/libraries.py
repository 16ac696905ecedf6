"""The objectives of lucid and lucent in the text form: `lucid.neuron` and so on, and alone what is no name of this package's."""

from __future__ import annotations

from contextlib import suppress

from batcountry.errors import NameTaken
from batcountry.objectives import lucent, lucid
from batcountry.objectives.parse import OBJECTIVES

_NO_OBJECTIVES = ("Objective", "as_objective")

for library in (lucid, lucent):
    for name in library.__all__:
        if name not in _NO_OBJECTIVES:
            made = getattr(library, name)
            OBJECTIVES.register(f"{library.__name__.rpartition('.')[2]}.{name}", made)
            with suppress(NameTaken):
                OBJECTIVES.register(name, made)
