"""The kind `dream`: one picture, dreamed on in memory.

Inputs: `picture`, with none the recipe's start. Outputs: `picture`; `steps`, a folder for the picture after every iteration;
`deepzoom`, a folder with a pyramid and a page to zoom in it.
"""

from __future__ import annotations

import io
import math
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from batcountry.backend.folders import make_folder
from batcountry.backend.outputs import Output, check_apart, check_new, free_name, sweep_left_behind
from batcountry.backend.policy import Policy
from batcountry.dreams.checkpoint import Checkpoint
from batcountry.dreams.dreamer import Dreamer
from batcountry.dreams.steps import Progress as DreamProgress
from batcountry.dreams.steps import Step
from batcountry.image.picture import Picture, put_picture
from batcountry.image.vips import check_pyramid, from_array, save_pyramid, vips
from batcountry.jobs.events import Count, Progress
from batcountry.jobs.folder import JobFolder, checkpoint_file
from batcountry.jobs.inputs import (
    PICTURE,
    asked_of,
    check_picture,
    check_weights,
    files_read,
    pinned,
    shown_names,
)
from batcountry.jobs.kinds import Job, Objects
from batcountry.jobs.spec import JobSpec
from batcountry.optim.alpha import alpha_mode
from batcountry.recipe import Recipe

STEPS, DEEPZOOM = "steps", "deepzoom"
"""Outputs beside the picture."""

_COSTLY = 20  # so many times as long as storing takes is worked before the next time


class DreamKind:
    """Makes dreams in memory ready."""

    def prepare(self, spec: JobSpec, policy: Policy, objects: Objects, *, new: bool) -> DreamJob:
        """See `batcountry.jobs.kinds.Kind`."""
        return DreamJob(spec, policy, objects, new=new)


class DreamJob(Job[Step]):
    """A dream in memory; see `batcountry.jobs.kinds.Job`."""

    own_files = re.compile(r"octave-\d+-iteration-\d+\.safetensors")

    def __init__(self, spec: JobSpec, policy: Policy, objects: Objects, *, new: bool) -> None:
        digest = check_picture(spec, policy)
        asked = asked_of(spec, spec.recipe_of(Recipe), policy, objects)
        spec.place(PICTURE)
        check_dream_outputs(spec, asked.recipe, new=new)
        if DEEPZOOM in spec.outputs:
            vips()  # or it would be missed at the end
        self.dreamer = Dreamer(asked)
        model = self.dreamer.resolved.model
        check_weights(spec, model)
        self.dreamer.names = shown_names(spec)
        self.picture = self._read(spec)
        planned = self.dreamer.planned(self.picture)
        self.seconds = planned.seconds
        self.spec = pinned(spec, planned.recipe.chosen(**self.dreamer.names), model, digest)
        self._pixels = planned.pixels
        self._step: Step | None = None
        self._checkpoint: Checkpoint | None = None
        self._stored, self._took = "", 0.0

    def steps(self, files: Path | None, outputs: Mapping[str, Output]) -> Iterator[Step]:  # noqa: ARG002
        """See `batcountry.jobs.kinds.Job`."""
        folder = outputs.get(STEPS)
        if folder is not None:
            make_folder(folder.path)
            sweep_left_behind(folder.path)
        for step in self.dreamer.dreaming(self.picture, checkpoint=self._checkpoint):
            self._step = step
            if folder is not None:
                name = f"octave_{step.octave}-iter_{step.iteration:03d}.png"
                save_step(step.picture(), Output(folder.path / name, folder.overwrite))
            yield step

    def progress(self, step: Step) -> Progress:
        """See `batcountry.jobs.kinds.Job`."""
        return dream_progress(step)

    def preview(self, step: Step, side: int) -> bytes:
        """See `batcountry.jobs.kinds.Job`."""
        return step.preview(side)

    def is_due(self, step: Step, seconds: float) -> bool:
        """Whether it is the end of an octave, or long enough ago for what storing takes."""
        long = max(self.spec.machine.save_seconds, _COSTLY * self._took)
        return step.iteration + 1 == step.iterations or seconds >= long

    def save(self, files: Path) -> dict[str, JsonValue]:
        """Store the last step; see `batcountry.dreams.checkpoint.Checkpoint`."""
        step, begun = self._step, time.monotonic()
        if step is None:
            return {}
        name = f"octave-{step.octave}-iteration-{step.iteration}.safetensors"
        if name != self._stored:
            step.checkpoint().save(files / name)
            self._stored, self._took = name, time.monotonic() - begun
        return {"checkpoint": name}

    def saved(self, files: Path) -> None:
        """Delete what older steps stored."""
        JobFolder(files.parent).sweep(self.own_files, [self._stored])

    def load(self, files: Path, part: dict[str, JsonValue]) -> None:
        """See `batcountry.jobs.kinds.Job`."""
        if part:
            self._stored = checkpoint_file(files, part.get("checkpoint")).name
            self._checkpoint = Checkpoint.load(files / self._stored, self._pixels)

    def finish(self, outputs: Mapping[str, Output]) -> None:
        """Write the picture, and the pyramid if one is wanted."""
        assert self._step is not None  # a dream has at least one
        picture = self._step.picture()
        if not outputs[PICTURE].is_own:
            put_picture(picture, outputs[PICTURE])
        deepzoom = outputs.get(DEEPZOOM)
        if deepzoom is not None and not deepzoom.is_own:
            save_pyramid(from_array(np.asarray(picture.image())), deepzoom, outputs[PICTURE].path.stem)

    def stop(self, outputs: Mapping[str, Output], *, resumable: bool) -> dict[str, Path]:
        """Write the picture so far beside where the whole would go, unless the job can be gone on with."""
        if resumable or self._step is None:
            return {}
        target = outputs[PICTURE].path
        place = Output(free_name(target.with_name(f"{target.stem}-stopped{target.suffix}")))
        return {PICTURE: put_picture(self._step.stopped()[0], place)}

    def _read(self, spec: JobSpec) -> Picture | None:
        given = spec.inputs.get(PICTURE)
        if given is None:
            return None
        return replace(self.dreamer.read(Path(given.path)), source=given.shown)


def check_dream_outputs(spec: JobSpec, recipe: Recipe, *, new: bool) -> None:
    """Raise `BatCountryError` for outputs of a dream that cannot be written; it has a `picture`.

    Of one that is `new` nothing may be there; what is there later is another's, and the result takes another name.
    """
    picture, deepzoom = spec.outputs[PICTURE], spec.outputs.get(DEEPZOOM)
    inputs = files_read(spec, recipe)
    alpha_mode(recipe).check_writable(Path(picture.path))
    check_apart(Path(picture.path), inputs)
    if not new:
        return
    check_new(Path(picture.path), overwrite=picture.overwrite)
    if deepzoom is not None:
        check_pyramid(Path(deepzoom.path), inputs, overwrite=deepzoom.overwrite)


def dream_progress(step: DreamProgress) -> Progress:
    """Return how far a dream on one picture is."""
    return Progress(
        where=(
            Count(what="octave", at=step.octave + 1, of=step.octaves),
            Count(what="iteration", at=step.iteration + 1, of=step.iterations),
        ),
        size=(step.size[1], step.size[0]),
        score=step.score if math.isfinite(step.score) else None,
        done=min(1.0, max(0.0, step.done)),
    )


def save_step(picture: Picture, output: Output) -> None:
    """Write the picture after a step, a PNG, unless the very same is there, as a job that goes on wrote it before."""
    data = io.BytesIO()
    picture.save(data, "PNG")
    path = output.path
    if path.is_file() and path.stat().st_size == data.tell() and path.read_bytes() == data.getvalue():
        return
    output.save(lambda path, overwrite: picture.save(path, overwrite=overwrite))
