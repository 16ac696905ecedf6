"""What a finished film says of itself: how it was made, and of what."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from batcountry.motion.recipes import VideoRecipe, ZoomRecipe
from batcountry.recipe.validation import noted


class MotionNote(BaseModel):
    """What a finished film says of itself."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str
    """Of this package."""
    recipe: Annotated[ZoomRecipe | VideoRecipe, Field(discriminator="kind")]
    input: str | None
    """The picture's or video's file name, as it was given; None for the sky."""
    input_sha256: str
    weights_sha256: str
    threads: int | None = Field(default=None, ge=1, le=1024)
    """Of the processor, that computed; with another number sums are rounded otherwise. None in notes from before it was kept."""

    @classmethod
    def read(cls, text: str) -> MotionNote:
        """Read a note from its JSON form; raises `RecipeError` if it is not one."""
        return noted(cls, text, "film")
