"""The kind `sight`: what a layer sees in a picture, as one sheet of it, lit where each of the strongest channels is excited.

Input: `picture`. Output: `plot`, a picture file. The recipe is a `SightRecipe`. It takes moments, so nothing is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Annotated

import numpy as np
from PIL import Image, ImageDraw
from pydantic import Field

from batcountry.atlas.looking import heat, seen
from batcountry.backend.outputs import Output, check_new
from batcountry.backend.policy import Policy
from batcountry.errors import JobError, RecipeError
from batcountry.image.files import check_writable
from batcountry.image.picture import Picture
from batcountry.image.reading import read_picture
from batcountry.image.sources.reduced import needed_at
from batcountry.jobs.events import Count, Progress
from batcountry.jobs.inputs import PICTURE, check_picture, check_weights, pinned, prepared_of, shown_names
from batcountry.jobs.kinds import Job, Objects
from batcountry.jobs.spec import JobSpec, json_of
from batcountry.recipe import Recipe
from batcountry.recipe.validation import Options

PLOT = "plot"
"""The output."""

_COLUMNS, _GAP = 3, 6


class SightRecipe(Options):
    """What looks at a picture."""

    dream: Recipe = Field(
        default_factory=Recipe, description="Its network and layer look; all else does not count."
    )
    top: int = Field(default=6, ge=1, le=24, description="How many channels to show.")
    channels: list[Annotated[int, Field(ge=0)]] = Field(
        default_factory=list, max_length=24, description="Which to show; those that are excited most if none."
    )
    size: int = Field(
        default=448, ge=64, le=1024, description="The picture is shrunk so that its longer side has this."
    )


class SightKind:
    """Makes such jobs ready."""

    def prepare(self, spec: JobSpec, policy: Policy, objects: Objects, *, new: bool) -> SightJob:
        """See `batcountry.jobs.kinds.Kind`."""
        place = spec.place(PLOT)
        if PICTURE not in spec.inputs:
            raise JobError("what a network sees is seen in a picture; say which")
        check_writable(place)
        if new:
            check_new(place, overwrite=spec.outputs[PLOT].overwrite)
        return SightJob(spec, policy, objects)


class SightJob(Job[int]):
    """Such a job; a step is how many channels are drawn. See `batcountry.jobs.kinds.Job`."""

    def __init__(self, spec: JobSpec, policy: Policy, objects: Objects) -> None:
        recipe, digest = spec.recipe_of(SightRecipe), check_picture(spec, policy)
        asked = prepared_of(spec, recipe.dream, policy, objects)
        self._model = asked.open_model()
        check_weights(spec, self._model)
        self._layer = self._model.layer(recipe.dream.layer or self._model.default_layer).name
        need = needed_at(recipe.size)
        self._picture = read_picture(spec.inputs[PICTURE].path, policy=policy, need=need).fitted(recipe.size)
        shown = recipe.dream.chosen(**{**shown_names(spec), "layer": self._layer})
        self._sight = seen(self._model, self._picture, self._layer)
        self._channels = recipe.channels or [each for each, _ in self._sight.strongest(recipe.top)]
        count = len(self._sight.excitement)
        if max(self._channels) >= count:
            raise RecipeError(f"layer {self._layer!r} has {count} channels, numbered from 0; choose of those")
        made = recipe.chosen(dream=shown, channels=self._channels)
        self.spec = pinned(spec, shown, self._model, digest).changed(recipe=json_of(made))
        self._sheet: Image.Image | None = None

    def steps(self, files: Path | None, outputs: Mapping[str, Output]) -> Iterator[int]:  # noqa: ARG002
        """See `batcountry.jobs.kinds.Job`."""
        lit = []
        for channel in self._channels:
            lit.append((channel, heat(self._picture, self._sight.excitement[channel])))
            if len(lit) < len(self._channels):
                yield len(lit)
        self._sheet = _sheet(self._picture, lit)
        yield len(lit)

    def progress(self, step: int) -> Progress:
        """See `batcountry.jobs.kinds.Job`."""
        count = Count(what="channel", at=step, of=len(self._channels))
        return Progress(where=(count,), subject=self._layer, done=step / len(self._channels))

    def preview(self, step: int, side: int) -> bytes | None:  # noqa: ARG002
        """Return None: it is done before one looks."""
        return None

    def finish(self, outputs: Mapping[str, Output]) -> None:
        """Write the sheet."""
        sheet, output = self._sheet, outputs[PLOT]
        assert sheet is not None  # there is a channel at least
        if not output.is_own:
            output.save(lambda path, overwrite: read_picture(sheet).save(path, overwrite=overwrite))


def _sheet(picture: Picture, lit: Sequence[tuple[int, np.ndarray]]) -> Image.Image:
    """Return the pictures side by side, each with its channel's number below."""
    columns, bar = min(_COLUMNS, len(lit)), 18
    wide, high = picture.width + _GAP, picture.height + bar + _GAP
    sheet = Image.new("RGB", (columns * wide + _GAP, ceil(len(lit) / columns) * high + _GAP), (19, 18, 21))
    pen = ImageDraw.Draw(sheet)
    for at, (channel, pixels) in enumerate(lit):
        left, upper = _GAP + at % columns * wide, _GAP + at // columns * high
        sheet.paste(Image.fromarray(pixels), (left, upper))
        pen.text((left + 2, upper + picture.height + 2), f"channel {channel}", fill=(239, 235, 228))
    return sheet
