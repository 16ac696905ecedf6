"""Fields of `Recipe`: the sizes that a dream goes through."""

from __future__ import annotations

from typing import Annotated, Literal

from batcountry.recipe.fields import OCTAVES
from batcountry.recipe.registry import RegistryNames
from batcountry.recipe.units import RelativeSize
from batcountry.recipe.validation import Options


class OctaveOptions(Options):
    """The sizes that a dream goes through, coarse to fine."""

    octaves: Annotated[
        int | None,
        OCTAVES(
            "How many sizes, coarse to fine; by the picture's size if not given.", ge=1, le=64, unit="octaves"
        ),
    ] = None
    octave_scale: Annotated[float, OCTAVES("Each size is this many times the one before.", gt=1, le=16)] = 1.4
    initial_size: Annotated[
        RelativeSize | None,
        OCTAVES(
            "Size of the first octave, x0.5 of the picture or HEIGHTxWIDTH, in place of octave_scale.",
            unit="pixels",
            examples=["x0.5", "200x300"],
        ),
    ] = None
    final_size: Annotated[
        RelativeSize | None,
        OCTAVES(
            "Size of the last octave, given likewise; the picture's own if only initial_size is given.",
            unit="pixels",
            examples=["x1", "x2", "600x900"],
        ),
    ] = None
    spacing: Annotated[
        Literal["geometric", "linear"],
        OCTAVES("How sizes between initial_size and final_size are spaced."),
    ] = "geometric"
    carry: Annotated[
        str,
        OCTAVES(
            "What an octave hands to the next: detail, which the picture gets at its new size; or the picture.",
            choices=RegistryNames("batcountry.dreams.octaves", "OCTAVE_TRANSFERS", ("detail", "picture")),
        ),
    ] = "detail"
