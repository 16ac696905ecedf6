"""Fields of `Recipe`: what is begun with, and what becomes of it."""

from __future__ import annotations

from typing import Annotated, Literal

from batcountry.recipe.fields import PICTURE
from batcountry.recipe.registry import RegistryNames
from batcountry.recipe.units import SizeText
from batcountry.recipe.validation import Options


class PictureOptions(Options):
    """The picture: what is begun with, and what becomes of it."""

    alpha: Annotated[
        bool,
        PICTURE(
            "Let the picture grow transparent where the objective does not need it.", title="Transparent"
        ),
    ] = False
    fade: Annotated[
        float,
        PICTURE(
            "With alpha: a pixel stays that helps so many times as much as the mean one; 0 for no fading.",
            ge=0,
            le=100,
        ),
    ] = 2.0
    mask: Annotated[
        str | None,
        PICTURE(
            "Picture file: the dream grows where it is white, and pixels where it is black stay.", path=True
        ),
    ] = None
    start: Annotated[
        str,
        PICTURE(
            "What to begin with if no picture is given, as text: sky, noise(scale=10, blur=1), pink or gray.",
            suggestions=RegistryNames(
                "batcountry.image.initial", "INITIAL_IMAGES", ("sky", "noise", "pink", "gray")
            ),
        ),
    ] = "sky"
    canvas: Annotated[
        SizeText,
        PICTURE(
            "Height and width in pixels of the start if no picture is given.",
            title="Size of the start",
            unit="pixels",
            examples=["576x1024"],
        ),
    ] = "576x1024"
    clip: Annotated[
        bool,
        PICTURE(
            "Keep colors within 0 to 255 in every step.",
            no="Let colors leave 0 to 255 in between, and bring the contrast back at the end.",
        ),
    ] = True
    color: Annotated[
        str,
        PICTURE(
            "Colors of the result: free; keep: the original's at each pixel; match: the original's mean and spread.",
            choices=RegistryNames("batcountry.image.color", "COLOR_MODES", ("free", "keep", "match")),
        ),
    ] = "free"
    rescale: Annotated[
        bool, PICTURE("Stretch the finished picture's contrast from black to white.", title="Full contrast")
    ] = False
    frame: Annotated[
        int | None,
        PICTURE(
            "Which frame of an animated picture, or page of a TIFF, to dream on, counted from 1; the first if not given.",
            ge=1,
            le=1_000_000,
            title="Frame or page",
        ),
    ] = None
    size: Annotated[
        int | None,
        PICTURE(
            "Shrink the picture so that its longer side has this many pixels.",
            ge=8,
            le=262_144,
            level="everyday",
            title="Shrink to",
            unit="pixels",
        ),
    ] = None
    enlarge: Annotated[
        int | None,
        PICTURE(
            "Enlarge the picture first if its longer side has fewer pixels than this.",
            ge=8,
            le=262_144,
            title="Enlarge to",
            unit="pixels",
        ),
    ] = None
    wrap: Annotated[
        Literal["none", "x", "xy"],
        PICTURE(
            "x: left and right edge fit, for panoramas; xy: all edges fit, for seamless tiles; none: neither.",
            title="Seamless edges",
        ),
    ] = "none"
