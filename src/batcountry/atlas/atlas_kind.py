"""The kind `atlas`: a picture of every channel of some layers, and a page to look at them.

Output: `atlas`, the folder, in which other layers may be already. The recipe is an `AtlasRecipe`. The pictures that are there are
the checkpoint; if nobody names a folder the job is in `.job` within the atlas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import Field

from batcountry.atlas.folder import Entry, Folder, check_atlas_folder, check_same
from batcountry.backend.folders import make_folder
from batcountry.backend.outputs import Output
from batcountry.backend.policy import Policy
from batcountry.backend.version import __version__
from batcountry.dreams.batches import evened
from batcountry.dreams.dreamer import Dreamer
from batcountry.dreams.planning import said_most
from batcountry.dreams.steps import Step
from batcountry.dreams.visualize import visualizing
from batcountry.errors import JobError
from batcountry.jobs.events import Count, Progress
from batcountry.jobs.folder import JOB, JobFolder, folder_within
from batcountry.jobs.inputs import check_weights, pinned, prepared_of, shown_names
from batcountry.jobs.kinds import Job, Objects
from batcountry.jobs.messages import log, only_warnings
from batcountry.jobs.spec import JobSpec, json_of
from batcountry.models import Model
from batcountry.optim.alpha import alpha_mode
from batcountry.recipe import Recipe
from batcountry.recipe.validation import Options

ATLAS = "atlas"
"""The output, which is a folder."""

BATCH = 16
"""Channels that grow at once on a processor if nothing is said."""


class AtlasRecipe(Options):
    """What an atlas has pictures of, and how they are made."""

    dream: Recipe = Field(
        default_factory=Recipe, description="How to make a picture; its layer and objective do not count."
    )
    layers: list[str] = Field(
        default_factory=list,
        description="Names, or patterns such as blocks.*; the network's own layer if there are none.",
    )
    batch: int | None = Field(
        default=None,
        ge=1,
        description="How many channels grow at once; 16 on a processor and as many as suit a graphics card if not given.",
    )


class AtlasKind:
    """Makes atlases ready."""

    def prepare(self, spec: JobSpec, policy: Policy, objects: Objects, *, new: bool) -> AtlasJob:  # noqa: ARG002
        """See `batcountry.jobs.kinds.Kind`."""
        if ATLAS not in spec.outputs:
            raise JobError("an atlas needs an output named atlas; say where it goes")
        check_atlas_folder(spec.place(ATLAS))
        return AtlasJob(spec, policy, objects)


@dataclass(frozen=True)
class AtlasStep:
    """How far an atlas is: the layer at work, and the channels, of all, whose pictures are there.

    Attributes
    ----------
    done
        Share of the work of this run, 0 to 1.
    step
        Of the batch that grows; None at the end.
    """

    layer: str
    made: int
    channels: int
    done: float
    step: Step | None


class AtlasJob(Job[AtlasStep]):
    """An atlas; see `batcountry.jobs.kinds.Job`."""

    def __init__(self, spec: JobSpec, policy: Policy, objects: Objects) -> None:
        recipe = spec.recipe_of(AtlasRecipe)
        asked = prepared_of(spec, recipe.dream, policy, objects)
        alpha_mode(asked.recipe).check_opaque("an atlas")
        model = asked.open_model()
        check_weights(spec, model)
        self._asked, self._device = asked.with_model(model), model.device
        self._said = recipe.batch
        self._entries = [Entry.of(model, name) for name in chosen(model, recipe.layers)]
        names = shown_names(spec)
        self._facts = _facts(self._planned().chosen(**names), model)
        self.counts: dict[str, int] = {}
        self._place = spec.place(ATLAS)
        shown = self._asked.recipe.chosen(**names)
        layers = [each.name for each in self._entries]
        found = AtlasRecipe(dream=shown, layers=layers, batch=recipe.batch or self._most)
        self.spec = pinned(spec, shown, model, "").changed(recipe=json_of(found))
        check_same(self._place, self._facts)

    def _planned(self) -> Recipe:
        """Choose how many channels grow at once, say what memory they take, and return the recipe with what was chosen.

        A layer that cannot be reached is said before any work is done.
        """
        peak, batch = 0, self._said
        for entry in self._entries:
            with only_warnings():
                dreamer = Dreamer(self._asked.with_aim(objective=entry.objective(0)))
                batch, taken = dreamer.together(batch, BATCH)
            peak = max(peak, taken)
        self._most = batch or BATCH
        asked = self._said or BATCH
        if self._most < asked:
            log.info(
                "%d channels grow at once, as %d would take more memory than there is", self._most, asked
            )
        log.info("about %s of memory", said_most(peak))
        return dreamer.resolved.recipe

    def own_folder(self) -> Path:
        """Return the hidden folder within the atlas, from which an older job goes, as this one does the same and more."""
        folder = JobFolder(folder_within(self._place))
        if (folder.path / JOB).exists():
            with folder.alone():
                folder.clear()
        make_folder(self._place)
        return folder.path

    def steps(self, files: Path | None, outputs: Mapping[str, Output]) -> Iterator[AtlasStep]:  # noqa: ARG002
        """See `batcountry.jobs.kinds.Job`."""
        folder = Folder(outputs[ATLAS].path, self._facts)
        folder.sweep()
        for entry in self._entries:
            folder.add(entry)
        channels = sum(each.channels for each in self._entries)
        todo = {each.name: folder.unfinished(each, self._batch_of(each)) for each in self._entries}
        work, grown = sum(len(each) for batches in todo.values() for each in batches), 0
        made = channels - sum(len(folder.missing(each)) for each in self._entries)
        for entry in self._entries:
            folder.write_index()
            for batch in todo[entry.name]:
                for step, written in self._grown(folder, entry, batch):
                    made += written
                    done = (grown + step.done * len(batch)) / work
                    yield AtlasStep(entry.name, made, channels, done, step)
                grown += len(batch)
            folder.write_sheet(entry)
        folder.write_index()
        self.counts["channels"] = channels
        yield AtlasStep(self._entries[-1].name, channels, channels, 1.0, None)

    def _batch_of(self, entry: Entry) -> int:
        return evened(None, entry.channels, self._most, self._device)

    def _grown(self, folder: Folder, entry: Entry, batch: Sequence[int]) -> Iterator[tuple[Step, int]]:
        """Let channels grow together, and yield each step with how many pictures were written after it.

        Those that are there grow along: with others beside it a picture would be rounded otherwise.
        """
        wanted = set(folder.missing(entry)).intersection(batch)
        with only_warnings():  # each batch would say what memory it takes
            moments = visualizing([entry.objective(each) for each in batch], self._asked, batch=len(batch))
            for moment in moments:
                if moment.step.last:
                    for channel, picture in zip(batch, moment.pictures(), strict=True):
                        if channel in wanted:
                            folder.write(entry, channel, picture)
                    folder.write_index()
                yield moment.step, len(wanted) if moment.step.last else 0

    def progress(self, step: AtlasStep) -> Progress:
        """See `batcountry.jobs.kinds.Job`."""
        count = Count(what="channel", at=step.made, of=step.channels)
        return Progress(where=(count,), subject=step.layer, done=min(1.0, step.done))

    def preview(self, step: AtlasStep, side: int) -> bytes | None:
        """See `batcountry.jobs.kinds.Job`."""
        return None if step.step is None else step.step.preview(side)

    def stop(self, outputs: Mapping[str, Output], *, resumable: bool) -> dict[str, Path]:  # noqa: ARG002
        """Return the folder, whose page shows the pictures that there are."""
        return {ATLAS: outputs[ATLAS].path}


def _facts(recipe: Recipe, model: Model) -> dict[str, object]:
    """Return what all pictures of an atlas have in common."""
    return {
        "model": model.name,
        "weights_sha256": model.weights_sha256,
        "version": __version__,
        "recipe": recipe.model_dump(exclude={"objective", "layer", "guide", "tile", "max_memory"}),
    }


def chosen(model: Model, patterns: Sequence[str]) -> list[str]:
    """Return the names of a model's layers that patterns such as `blocks.*` stand for, in running order.

    Raises
    ------
    LayerNotFound
        If a pattern stands for none.
    """
    names = [each.name for each in model.layers]
    wanted: set[str] = set()
    for pattern in patterns or [model.default_layer]:
        matches = {each for each in names if each == pattern or fnmatchcase(each, pattern)}
        wanted |= matches or {model.layer(pattern).name}
    return [each for each in names if each in wanted]
