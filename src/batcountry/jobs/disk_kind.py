"""The kind `dream-on-disk`: one picture of any size, dreamed on in tiles, with all that is large on disk.

Inputs and outputs are those of `dream`, but for `steps`. The canvases in its folder are its checkpoint.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import JsonValue, NonNegativeInt, PositiveInt, ValidationError

from batcountry.backend.outputs import Output
from batcountry.backend.policy import Policy
from batcountry.backend.version import __version__
from batcountry.dreams.disk.canvases import (
    CANVAS_FILES,
    Canvases,
    Reached,
    free_disk,
    needed_disk,
    taken_disk,
)
from batcountry.dreams.disk.planning import DiskPlan, check_memory, check_on_disk, planned
from batcountry.dreams.disk.worker import DiskDream, Task, opened
from batcountry.dreams.planning import said_bytes
from batcountry.dreams.resolve import Resolved, resolve
from batcountry.dreams.steps import Progress as DiskStep
from batcountry.errors import JobError, RecipeError
from batcountry.image.initial import start_picture
from batcountry.image.vips import check_size
from batcountry.jobs.dream_kind import DEEPZOOM, STEPS, check_dream_outputs, dream_progress
from batcountry.jobs.events import Progress
from batcountry.jobs.folder import CHECKPOINT, stopped_by_disk
from batcountry.jobs.inputs import PICTURE, asked_of, check_picture, check_weights, pinned, shown_names
from batcountry.jobs.kinds import Job, Objects
from batcountry.jobs.messages import log
from batcountry.jobs.records import Record
from batcountry.jobs.spec import JobSpec
from batcountry.optim.tiles import TileScorer
from batcountry.recipe import Note, Recipe


class _Part(Record):
    """How far it is, as its folder says it."""

    octave: NonNegativeInt
    iteration: NonNegativeInt
    tile: PositiveInt
    halved: bool


class DiskKind:
    """Makes dreams on disk ready."""

    def prepare(self, spec: JobSpec, policy: Policy, objects: Objects, *, new: bool) -> DiskJob:
        """See `batcountry.jobs.kinds.Kind`."""
        return DiskJob(spec, policy, objects, new=new)


class DiskJob(Job[DiskStep]):
    """A dream on disk; see `batcountry.jobs.kinds.Job`."""

    own_files = CANVAS_FILES

    def __init__(self, spec: JobSpec, policy: Policy, objects: Objects, *, new: bool) -> None:
        digest = check_picture(spec, policy)
        asked = asked_of(spec, spec.recipe_of(Recipe), policy, objects)
        if STEPS in spec.outputs:
            raise RecipeError(
                "a picture on disk is not written after every iteration; leave --save-steps out"
            )
        spec.place(PICTURE)
        check_dream_outputs(spec, asked.recipe, new=new)
        resolved = resolve(asked)
        model = resolved.model
        check_weights(spec, model)
        check_on_disk(resolved)
        source = Path(spec.inputs[PICTURE].path) if PICTURE in spec.inputs else None
        found = _planned(spec, resolved, source)
        sizes, self.plan = found.sizes, found.plan
        if not new:
            _check_sizes(spec, sizes)
            check_memory(self.plan, model.device, policy)
        side, limit = self.plan.side or max(sizes[-1]), self.plan.limit
        chosen = resolved.recipe.chosen(tile=side, octaves=resolved.recipe.octaves or len(sizes))
        machine = spec.machine.model_copy(update={"ceiling": limit and limit.ceiling})
        self.seconds = self.plan.seconds
        chosen = chosen.chosen(**shown_names(spec))
        facts: dict[str, JsonValue] = {"sizes": [list(each) for each in sizes]}
        self.spec = pinned(spec.changed(machine=machine, facts=facts), chosen, model, digest)
        note = Note(
            version=__version__,
            recipe=chosen,
            input=None if source is None else spec.inputs[PICTURE].shown,
            input_sha256=start_picture(chosen).sha256 if source is None else digest,
            weights_sha256=model.weights_sha256,
            threads=self.spec.machine.threads,
        )
        scorer = TileScorer(model, resolved.objective, limit=limit)
        self.dream = DiskDream(Task(note, source, sizes), scorer, holds=found.holds)
        self._canvases = Canvases(Path())

    def own_folder(self) -> Path:
        """Make a folder beside the picture-to-be."""
        target = self.spec.place(PICTURE)
        return Path(tempfile.mkdtemp(prefix=f"{target.stem}-work-", dir=target.parent))

    def begin(self, folder: Path | None) -> None:
        """Say what it will take; raises `JobError` if the disk has no room for it."""
        assert folder is not None
        need = self._check_disk(folder, 0, "name a folder on a larger disk with --work")
        log.info(
            "%s, and %s of disk in %s", self.plan, said_bytes(need), folder, extra={"peak": self.plan.peak}
        )

    def check_room(self, folder: Path) -> None:
        """Raise `JobError` if the disk has no room for what is not there yet."""
        there = taken_disk(folder / CHECKPOINT)
        self._check_disk(folder, there, "make room, and go on")

    def _check_disk(self, folder: Path, there: int, advice: str) -> int:
        need, free = needed_disk(self.dream.task.sizes), free_disk(folder)
        if free < need - there:
            raise JobError(
                f"the dream needs {(need - there) / 1e9:.1f} GB of disk in {folder}, and {free / 1e9:.1f} GB are free; {advice}"
            )
        return need

    def steps(self, files: Path | None, outputs: Mapping[str, Output]) -> Iterator[DiskStep]:  # noqa: ARG002
        """See `batcountry.jobs.kinds.Job`."""
        assert files is not None
        self._canvases = Canvases(files)
        with _disk_errors_said(files.parent):
            yield from self.dream.steps(self._canvases)

    def progress(self, step: DiskStep) -> Progress:
        """See `batcountry.jobs.kinds.Job`."""
        return dream_progress(step)

    def preview(self, step: DiskStep, side: int) -> bytes | None:  # noqa: ARG002
        """See `batcountry.jobs.kinds.Job`."""
        return self.dream.preview(side)

    def is_due(self, step: DiskStep, seconds: float) -> bool:  # noqa: ARG002
        """Return True: a step is on disk, and one canvas on it is written over two steps later."""
        return True

    def save(self, files: Path) -> dict[str, JsonValue]:  # noqa: ARG002
        """Return how far it is, as the canvases are there."""
        reached = self.dream.reached
        if reached is None:
            return {}
        part = _Part(
            octave=reached.octave,
            iteration=reached.iteration,
            tile=self.dream.tile,
            halved=self.dream.halved,
        )
        return part.model_dump()

    def saved(self, files: Path) -> None:
        """Delete the canvases of octaves that are finished."""
        self.dream.sweep(Canvases(files))

    def load(self, files: Path, part: dict[str, JsonValue]) -> None:
        """See `batcountry.jobs.kinds.Job`."""
        self._canvases = Canvases(files)
        if not part:
            return
        try:
            found = _Part.model_validate(part)
        except ValidationError:
            raise JobError(
                f"{files.parent} does not say how far its dream is; start the dream anew"
            ) from None
        reached = Reached(found.octave, found.iteration)
        side = max(1, self.dream.tile // 2) if found.halved else self.dream.tile
        if not self.dream.task.reaches(reached) or found.tile != side:
            raise JobError(f"the state in {files.parent} is not of the dream in it; start the dream anew")
        self.dream.reached, self.dream.tile, self.dream.halved = reached, found.tile, found.halved

    def finish(self, outputs: Mapping[str, Output]) -> None:
        """Write the picture, and the pyramid if one is wanted."""
        with _disk_errors_said(self._canvases.folder.parent):
            self.dream.finish(self._canvases, outputs[PICTURE], outputs.get(DEEPZOOM))


def _planned(spec: JobSpec, resolved: Resolved, source: Path | None) -> DiskPlan:
    picture = opened(source, resolved.recipe)
    check_size(spec.place(PICTURE), (picture.width, picture.height))
    return planned(resolved, (picture.height, picture.width))


def _check_sizes(spec: JobSpec, sizes: list[tuple[int, int]]) -> None:
    """Raise `JobError` unless a job's octaves are those, (height, width), that its recipe gives."""
    if spec.facts.get("sizes") != [list(each) for each in sizes]:
        raise JobError("the job's octaves are not those that its recipe gives; start the dream anew")


@contextmanager
def _disk_errors_said(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise stopped_by_disk(f"the dream in {folder}", error) from error
