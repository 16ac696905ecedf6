"""The kind `visualize`: a dream in memory whose numbers are told, and drawn in the end, as cnn-vis does.

Inputs and outputs are those of `dream`, but for `deepzoom`; and `plot` of the losses, `plot_pixels` of four pixels. What they are
drawn of is stored with the dream.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue

from batcountry.backend.files import LEFT_BEHIND, replace_file
from batcountry.backend.folders import make_folder
from batcountry.backend.outputs import Output, check_apart, check_new, sweep_left_behind
from batcountry.backend.policy import Policy
from batcountry.dreams.history import History, check_plots
from batcountry.dreams.steps import Step
from batcountry.errors import JobError, RecipeError
from batcountry.image.files import check_writable
from batcountry.jobs.dream_kind import DEEPZOOM, STEPS, DreamJob, save_step
from batcountry.jobs.events import Progress
from batcountry.jobs.folder import JobFolder, checkpoint_file
from batcountry.jobs.inputs import files_read
from batcountry.jobs.kinds import Job, Objects
from batcountry.jobs.messages import log
from batcountry.jobs.records import Record, read_record
from batcountry.jobs.spec import JobSpec, json_of
from batcountry.recipe import Recipe
from batcountry.recipe.validation import Options

PLOT, PLOT_PIXELS = "plot", "plot_pixels"
"""Outputs beside the picture."""

_MOST_BYTES = 1 << 25
_NUMBER_FILES = re.compile(r"octave-\d+-iteration-\d+\.json")


class VisualizeRecipe(Options):
    """What to make, and how often to tell of it."""

    dream: Recipe = Field(default_factory=Recipe, description="How to dream.")
    every: int = Field(
        default=50,
        ge=0,
        description="Tell the losses, and write the picture after a step, every so many iterations; 0 for never.",
    )


class VisualizeKind:
    """Makes visualizations ready."""

    def prepare(self, spec: JobSpec, policy: Policy, objects: Objects, *, new: bool) -> VisualizeJob:
        """See `batcountry.jobs.kinds.Kind`."""
        recipe = spec.recipe_of(VisualizeRecipe)
        if DEEPZOOM in spec.outputs:
            raise RecipeError("a visualization has no pyramid; leave deepzoom out, or dream with its recipe")
        if STEPS in spec.outputs and not recipe.every:
            raise RecipeError("pictures of steps are written as often as `every` says; give 1 or more")
        _check_plots(spec, recipe.dream, new=new)
        return VisualizeJob(spec, recipe.every, policy, objects, new=new)


class VisualizeJob(Job[Step]):
    """A visualization; see `batcountry.jobs.kinds.Job`. Of the picture a dream takes care."""

    own_files = re.compile(f"{DreamJob.own_files.pattern}|{_NUMBER_FILES.pattern}")

    def __init__(self, spec: JobSpec, every: int, policy: Policy, objects: Objects, *, new: bool) -> None:
        recipe = spec.recipe_of(VisualizeRecipe)
        self._dream = DreamJob(spec.changed(recipe=json_of(recipe.dream)), policy, objects, new=new)
        pinned = self._dream.spec
        self.spec = pinned.changed(recipe={"dream": pinned.recipe, "every": every})
        self.seconds, self.counts = self._dream.seconds, self._dream.counts
        self._every, self._history = every, History()
        self._stored, self._resumed = "", False

    def steps(self, files: Path | None, outputs: Mapping[str, Output]) -> Iterator[Step]:
        """See `batcountry.jobs.kinds.Job`."""
        folder = outputs.get(STEPS)
        if folder is not None:
            make_folder(folder.path)
            sweep_left_behind(folder.path)
        for step in self._dream.steps(files, {}):
            if self._resumed:  # the step that was stored comes again
                self._history.go_on(step)
                self._resumed = False
            else:
                self._history.add(step)
                if self._every and (step.iteration + 1) % self._every == 0:
                    self._tell(step, folder)
            yield step

    def _tell(self, step: Step, folder: Output | None) -> None:
        where = f"size {step.octave + 1}/{step.octaves}, iteration {step.iteration + 1}/{step.iterations}"
        log.info("%s: %s", where, self._history.line())
        if folder is not None:
            place = folder.path / f"size_{step.octave + 1}-step_{step.iteration + 1}.png"
            save_step(step.picture(), Output(place, folder.overwrite))

    def progress(self, step: Step) -> Progress:
        """See `batcountry.jobs.kinds.Job`."""
        return self._dream.progress(step)

    def preview(self, step: Step, side: int) -> bytes:
        """See `batcountry.jobs.kinds.Job`."""
        return self._dream.preview(step, side)

    def is_due(self, step: Step, seconds: float) -> bool:
        """See `batcountry.jobs.kinds.Job`."""
        return self._dream.is_due(step, seconds)

    def save(self, files: Path) -> dict[str, JsonValue]:
        """Store the dream, and the numbers so far."""
        part = self._dream.save(files)
        if part:
            self._stored = f"{Path(str(part['checkpoint'])).stem}.json"
            replace_file(files / self._stored, _Numbers.of(self._history).model_dump_json().encode())
            part["numbers"] = self._stored
        return part

    def saved(self, files: Path) -> None:
        """Delete what older steps stored."""
        self._dream.saved(files)
        JobFolder(files.parent).sweep(_NUMBER_FILES, [self._stored])

    def load(self, files: Path, part: dict[str, JsonValue]) -> None:
        """See `batcountry.jobs.kinds.Job`."""
        self._dream.load(files, part)
        if part:
            place = checkpoint_file(files, part.get("numbers"))
            self._history, self._stored, self._resumed = _read(place), place.name, True

    def finish(self, outputs: Mapping[str, Output]) -> None:
        """Write the picture, and draw the plots that are wanted."""
        self._dream.finish(outputs)
        self._draw(outputs)

    def stop(self, outputs: Mapping[str, Output], *, resumable: bool) -> dict[str, Path]:
        """Write the picture so far and the plots, unless the job can be gone on with."""
        found = self._dream.stop(outputs, resumable=resumable)
        if found:
            self._draw(outputs)
        return found

    def _draw(self, outputs: Mapping[str, Output]) -> None:
        for name, draw in ((PLOT, self._history.save_plot), (PLOT_PIXELS, self._history.save_pixels)):
            output = outputs.get(name)
            if output is not None and not output.is_own:
                _drawn(output, draw)


class _Numbers(Record):
    """A history as it is written down; numbers that are none are null."""

    version: Literal[1] = 1
    numbers: dict[str, list[float | None]]
    pixels: dict[str, list[float | None]]
    octaves: list[int]

    @classmethod
    def of(cls, history: History) -> _Numbers:
        return cls(
            numbers={name: _known(values) for name, values in history.numbers.items()},
            pixels={name: _known(values) for name, values in history.pixels.items()},
            octaves=history.octaves,
        )


def _known(values: list[float]) -> list[float | None]:
    return [each if math.isfinite(each) else None for each in values]


def _read(file: Path) -> History:
    """Read a history back; raises `JobError` if it is damaged or missing."""
    try:
        with file.open("rb") as opened:
            data = opened.read(_MOST_BYTES + 1)
    except OSError:
        data = b""
    found = read_record(_Numbers, data, str(file), _MOST_BYTES)
    history = History()
    for known, read in ((history.numbers, found.numbers), (history.pixels, found.pixels)):
        known.update({n: [math.nan if each is None else each for each in v] for n, v in read.items()})
    history.octaves = found.octaves
    if not history.is_whole:
        raise JobError(f"{file} is damaged: its numbers are not of the same steps; start the job anew")
    return history


def _check_plots(spec: JobSpec, recipe: Recipe, *, new: bool) -> None:
    for name in (PLOT, PLOT_PIXELS):
        if name in spec.outputs:
            check_plots()  # or Matplotlib would be missed at the end
            place = spec.outputs[name]
            check_writable(Path(place.path))
            check_apart(Path(place.path), files_read(spec, recipe))
            if new:
                check_new(Path(place.path), overwrite=place.overwrite)


def _drawn(output: Output, draw: Callable[[Path], object]) -> None:
    """Draw a plot beside where it goes, and put it there."""
    with tempfile.TemporaryDirectory(prefix=LEFT_BEHIND, dir=output.path.parent) as folder:
        place = Path(folder, output.path.name)
        draw(place)
        output.put(place)
