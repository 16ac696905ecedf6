"""The kind `bulk`: every picture of a folder, dreamed on with every one of some layers; what is done already is skipped.

Input: `folder`. Output: `folder`. The recipe is a `BulkRecipe`. The dreams that are there are its checkpoint, and in its folder,
if it has one, the job of the dream at work.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import Field
from typing_extensions import Unpack

from batcountry.backend.files import sha256_of
from batcountry.backend.folders import check_makeable, make_folder, pictures_in
from batcountry.backend.outputs import Output, for_layer, is_same, sweep_left_behind
from batcountry.backend.policy import OPEN, Policy
from batcountry.dreams.dreamer import Dreamer
from batcountry.dreams.keywords import DreamOptions
from batcountry.dreams.prepare import prepare
from batcountry.dreams.resolve import resolve
from batcountry.errors import BatCountryError, JobError, OutputError
from batcountry.jobs.bulk_batches import Todo, Together, at_once
from batcountry.jobs.bulk_current import begun_in, clear, is_of
from batcountry.jobs.bulk_earlier import Earlier
from batcountry.jobs.control import Control
from batcountry.jobs.dream_kind import dream_progress
from batcountry.jobs.dream_specs import dream_spec
from batcountry.jobs.events import Count, Message, Progress, Stopped
from batcountry.jobs.folder import CURRENT
from batcountry.jobs.inputs import PICTURE, check_weights, pinned, prepared_of, shown_names
from batcountry.jobs.job_run import Events, Run
from batcountry.jobs.kinds import Job, Objects
from batcountry.jobs.messages import AsUsual, leaving_out, log, say
from batcountry.jobs.runner import begin, reopen, run
from batcountry.jobs.spec import InputFile, JobSpec, OutputPlace, json_of
from batcountry.recipe import Recipe
from batcountry.recipe.validation import Options

FOLDER = "folder"
"""The input with the pictures, and the output with the dreams."""


class BulkRecipe(Options):
    """What to make of each picture."""

    dream: Recipe = Field(default_factory=Recipe, description="How to dream; its layer does not count.")
    layers: list[str] = Field(
        default_factory=list, description="A dream for each; the network's own if there are none."
    )


def bulk(
    folder: str | Path,
    output: str | Path = "dreams",
    layers: list[str] | tuple[str, ...] = (),
    recipe: Recipe | None = None,
    *,
    overwrite: bool = False,
    work: str | Path | None = None,
    policy: Policy = OPEN,
    control: Control | None = None,
    **options: Unpack[DreamOptions],
) -> Events:
    """Dream on every picture of a folder with each of some layers, and yield what that tells.

    What the same options made before is skipped. Dreams that other options made stay, and the new ones get a number.

    Parameters
    ----------
    folder, output
        Of the pictures, and of the dreams.
    layers
        The network's own if there are none.
    overwrite
        Whether dreams of the same name that other options made are replaced; other files never are.
    work
        A new folder to go on from in the middle of a picture, with `batcountry.jobs.resume`.
    policy, control
        As of `batcountry.jobs.run`.
    recipe, options
        As of `batcountry.jobs.dream_on_disk`.

    Raises
    ------
    BatCountryError
        If an option, the network or a folder cannot be used. What is wrong with a picture is an event.
    """
    asked = prepare(recipe, dict(options), policy)
    spec = JobSpec(
        kind="bulk",
        recipe=json_of(BulkRecipe(dream=asked.recipe, layers=list(dict.fromkeys(layers)))),
        inputs={FOLDER: InputFile(path=str(folder))},
        outputs={FOLDER: OutputPlace(path=str(output), overwrite=overwrite)},
    )
    return run(spec, folder=work, policy=policy, control=control, objects={"asked": asked})


class BulkKind:
    """Makes dreams on folders ready."""

    def prepare(self, spec: JobSpec, policy: Policy, objects: Objects, *, new: bool) -> BulkJob:
        """See `batcountry.jobs.kinds.Kind`."""
        for names in (spec.inputs, spec.outputs):
            if FOLDER not in names:
                raise JobError("bulk needs a folder of pictures and one for the dreams; name both")
        folder, output = spec.source(FOLDER), spec.place(FOLDER)
        pictures = pictures_in(policy.check_place(folder))
        if is_same(folder, output):
            raise OutputError(
                f"{output} is the folder of the pictures; name another for the dreams with --output"
            )
        if new:
            check_makeable(output)
        return BulkJob(spec, pictures, policy, objects)


@dataclass(frozen=True)
class BulkStep:
    """A step of one of the dreams: the `index`-th of `count`, counted from 0; or of `share` of them from there on."""

    index: int
    count: int
    name: str
    inner: Progress
    share: int = 1


class BulkJob(Job[BulkStep]):
    """Dreams on the pictures of a folder; see `batcountry.jobs.kinds.Job`."""

    def __init__(self, spec: JobSpec, pictures: list[Path], policy: Policy, objects: Objects) -> None:
        recipe = spec.recipe_of(BulkRecipe)
        asked = prepared_of(spec, recipe.dream, policy, objects)
        self._model = asked.open_model()
        check_weights(spec, self._model)
        asked = asked.with_model(self._model)
        self._layers = recipe.layers or [self._model.default_layer]
        for name in self._layers:
            self._model.layer(name)
        self._resolved = {name: resolve(asked.with_aim(layer=name)) for name in self._layers}
        self._folder, self._pictures, self._policy = spec.inputs[FOLDER], pictures, policy
        names = shown_names(spec)
        self._shown = asked.recipe.chosen(**names)
        self._earlier = Earlier(self._resolved, names, overwrite=spec.outputs[FOLDER].overwrite)
        self.counts: dict[str, int] = {"dreamed": 0, "done before": 0, "failed": 0}
        found = pinned(spec, self._shown, self._model, "")
        folder = InputFile(path=str(Path(self._folder.path).resolve()), name=self._folder.shown)
        self.spec = found.changed(
            recipe=json_of(BulkRecipe(dream=self._shown, layers=self._layers)),
            inputs={**found.inputs, FOLDER: folder},
        )
        self._run: Run | None = None
        self._together: Together | None = None
        self._as_usual = AsUsual()
        self._kept: dict[str, Path] = {}

    def steps(self, files: Path | None, outputs: Mapping[str, Output]) -> Iterator[BulkStep]:
        """See `batcountry.jobs.kinds.Job`."""
        place = outputs[FOLDER].path
        make_folder(place)
        if files is not None:  # of the process that was killed, as this one has its folder now
            sweep_left_behind(place)
        current = None if files is None else files / CURRENT
        begun = None if current is None else begun_in(current)
        todo = sorted(self._todo(place), key=lambda each: not is_of(each, begun))
        index, failed = 0, set[Path]()
        for group in at_once(todo, self._resolved):
            some = [
                each for each in group if each.picture not in failed
            ]  # what is wrong with others was said
            is_begun = index == 0 and is_of(group[0], begun)
            if len(group) > 1 and not is_begun:
                steps = self._batch(some, current, failed)
            else:
                steps = self._one_by_one(some, current, failed, resumed=is_begun)
            for step in steps:
                yield replace(step, index=index + step.index, count=len(todo))
            index += len(group)
        clear(current)

    def _one_by_one(
        self, group: list[Todo], current: Path | None, failed: set[Path], *, resumed: bool
    ) -> Iterator[BulkStep]:
        for index, each in enumerate(group):
            try:
                for at in self._dreamed(each, current, resumed=resumed and index == 0):
                    yield BulkStep(index, len(group), each.picture.name, at)
                self.counts["dreamed"] += 1
            except (BatCountryError, OSError) as error:
                self._fail(each.picture, error)
                failed.add(each.picture)
            self._run = None

    def _batch(self, group: list[Todo], current: Path | None, failed: set[Path]) -> Iterator[BulkStep]:
        """Make dreams at once, of which nothing is stored before they are done."""
        clear(current)
        if not group:
            return
        outputs = [self._earlier.output(each.target, each.picture, each.digest, each.layer) for each in group]
        with leaving_out(self._as_usual):
            dreamer = Dreamer(self._resolved[group[0].layer])
            dreamer.names = shown_names(self.spec)
        self._together = Together(dreamer, group, outputs, self._policy)
        for step in self._together.steps():
            yield BulkStep(0, len(group), group[0].picture.name, dream_progress(step), len(group))
        for index, error in self._together.failed.items():
            self._fail(group[index].picture, error)
            failed.add(group[index].picture)
        self.counts["dreamed"] += len(group) - len(self._together.failed)
        self._together = None

    def _dreamed(self, todo: Todo, current: Path | None, *, resumed: bool) -> Iterator[Progress]:
        """Make a dream; one that was at work is gone on with, or begun anew if its folder is damaged."""
        if resumed and current is not None:
            try:
                yield from self._steps(self._resumed(current))
                return
            except BatCountryError as error:
                log.warning("a dream is begun anew: %s", error)
        clear(current)
        yield from self._steps(self._begun(todo, current))

    def _steps(self, dream: Run) -> Iterator[Progress]:
        self._run = dream
        with closing(dream.events()) as events:
            for event in events:
                if isinstance(event, Progress):
                    yield event
                elif isinstance(event, Message):
                    say(event)
                elif isinstance(event, Stopped):  # Ctrl-C, which comes next
                    self._kept = {name: Path(each) for name, each in event.outputs.items()}

    def _resumed(self, current: Path) -> Run:
        overwrite = self.spec.outputs[FOLDER].overwrite
        return reopen(current, policy=self._policy, objects={"model": self._model}, overwrite=overwrite)

    def _begun(self, todo: Todo, current: Path | None) -> Run:
        output = self._earlier.output(todo.target, todo.picture, todo.digest, todo.layer)
        resolved = self._resolved[todo.layer]
        spec = dream_spec(todo.picture, resolved.recipe, {PICTURE: output}, named=todo.named)
        names = {name: self.spec.inputs[name] for name in shown_names(self.spec)}
        inputs = {**names, **spec.inputs}
        spec = spec.changed(inputs=inputs, machine=self.spec.machine)
        with leaving_out(self._as_usual):
            return begin(spec, folder=current, policy=self._policy, objects={"asked": resolved})

    def _todo(self, place: Path) -> Iterator[Todo]:
        for picture in self._pictures:
            try:
                digest = sha256_of(self._policy.check_file(picture))
                name = place / f"{picture.stem}-{picture.suffix[1:].lower()}.png"
                for layer in self._layers:
                    target = for_layer(name, layer)
                    if self._earlier.is_done(target, picture, digest, layer):
                        self.counts["done before"] += 1
                    else:
                        named = str(Path(self._folder.shown) / picture.name)
                        yield Todo(picture, named, digest, layer, target)
            except (BatCountryError, OSError) as error:
                self._fail(picture, error)

    def _fail(self, picture: Path, error: BatCountryError | OSError) -> None:
        self.counts["failed"] += 1
        log.error("%s", f"{picture} cannot be read: {error}" if isinstance(error, OSError) else error)

    def progress(self, step: BulkStep) -> Progress:
        """See `batcountry.jobs.kinds.Job`."""
        picture = Count(what="picture", at=step.index + 1, of=step.count)
        return step.inner.model_copy(
            update={
                "where": (picture, *step.inner.where),
                "subject": step.name,
                "done": min(1.0, (step.index + step.share * step.inner.done) / step.count),
            }
        )

    def preview(self, step: BulkStep, side: int) -> bytes | None:  # noqa: ARG002
        """See `batcountry.jobs.kinds.Job`."""
        if self._together is not None:
            return self._together.preview(side)
        return None if self._run is None else self._run.preview(side)

    def stop(self, outputs: Mapping[str, Output], *, resumable: bool) -> dict[str, Path]:  # noqa: ARG002
        """Keep the pictures at work, as far as they are, unless the job can be gone on with."""
        if self._together is not None:
            return {} if resumable else self._together.stop()
        if self._kept or self._run is None:
            return self._kept
        return self._run.job.stop(self._run.outputs, resumable=resumable)
