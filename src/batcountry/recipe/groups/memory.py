"""Fields of `Recipe`: where it runs, and what is in memory at once."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import field_validator

from batcountry.recipe.fields import MEMORY
from batcountry.recipe.units import BytesText, WindowsText
from batcountry.recipe.validation import Options


class MemoryOptions(Options):
    """Where it runs, and what is in memory at once."""

    precision: Annotated[
        Literal["exact", "fast", "auto"],
        MEMORY(
            "exact: float32; fast: bfloat16 or float16 inside the network; auto: fast where the hardware is made for it."
        ),
    ] = "auto"
    windows: Annotated[
        WindowsText,
        MEMORY(
            "HEIGHTxWIDTH of overlapping windows to show the network; input: of its own size; none: all at once.",
            suggestions=("none", "input", "224x224"),
            unit="pixels",
        ),
    ] = "none"
    window_batch: Annotated[int, MEMORY("Windows shown at once.", ge=1, le=4096)] = 1
    window_rates: Annotated[
        bool,
        MEMORY("Divide a pixel's steps by the number of windows over it."),
    ] = False
    tile: Annotated[
        int | None,
        MEMORY(
            "Side of the tiles for the gradient, in pixels, 0 for none; chosen by memory if not given.",
            ge=0,
            le=65_536,
            unit="pixels",
        ),
    ] = None
    view_batch: Annotated[
        int | None,
        MEMORY(
            "Of several views, how many the network sees at once; as many as the memory allows if not given.",
            ge=1,
            le=256,
        ),
    ] = None
    max_memory: Annotated[
        BytesText | None,
        MEMORY(
            "Memory that the program may have in all, such as 2GB; three quarters of what is free if not given.",
            unit="bytes",
            examples=["2GB", "800MB"],
        ),
    ] = None
    device: Annotated[
        str,
        MEMORY(
            "Where to run: auto, cpu, cuda, cuda:1, mps or xpu.",
            suggestions=("auto", "cpu", "cuda", "cuda:1", "mps", "xpu"),
        ),
    ] = "auto"

    @field_validator("device", mode="before")
    @classmethod
    def _is_one(cls, device: object) -> object:
        if isinstance(device, (list, tuple, set, dict)):
            raise ValueError(
                "a dream runs on one device; name one, and dream on other pictures on the others"
            )
        return device
