"""The kinds `zoom` and `video`: films, frame by frame.

Inputs: `picture` of a zoom, with none the sky; `video`. Output: `film`, a file or a folder of frames. The recipe is a
`ZoomRecipe` or a `VideoRecipe`. The frames that are there, and what the next one depends on, are the checkpoint. If nobody
names a folder, the job is in `NAME.journal` beside the film.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from pydantic import JsonValue

from batcountry.backend.outputs import Output
from batcountry.backend.side_by_side import behind
from batcountry.dreams.planning import said_bytes, said_most, said_seconds
from batcountry.dreams.preview import preview_of_levels
from batcountry.errors import JobError, RecipeError, VideoError
from batcountry.image.picture import Picture
from batcountry.jobs.events import Count, Progress
from batcountry.jobs.folder import JobFolder, folder_beside, stopped_by_disk
from batcountry.jobs.inputs import files_read, pinned, recipe_here, shown_names
from batcountry.jobs.kinds import Job
from batcountry.jobs.spec import InputFile, JobSpec, json_of
from batcountry.motion.dreamed_video import Filming
from batcountry.motion.endless_zoom import Zoom
from batcountry.motion.frame import Dreamt, Finished
from batcountry.motion.io.clip import Clip
from batcountry.motion.jobs.journal import FrameStates
from batcountry.motion.jobs.outputs import check_output, new_output, sink_of
from batcountry.motion.jobs.sinks import DIGITS, FrameSink
from batcountry.motion.jobs.specs import FILM, note_for
from batcountry.motion.overlap import BEHIND, stage_kind
from batcountry.motion.recipes import Motion

log = logging.getLogger("batcountry")

M = TypeVar("M", bound=Motion)

SOURCE = "source.png"
"""The file in a job's folder with a picture that was in memory."""


def film_recipe(spec: JobSpec, kind: type[M]) -> M:
    """Return the recipe of a film with the names under which its inputs are found; raises `RecipeError` if it is none."""
    recipe = kind.of(dict(spec.recipe))
    return recipe.chosen(dream=recipe_here(spec, recipe.dream))


def check_film(spec: JobSpec, recipe: Motion, *, new: bool) -> None:
    """Raise `BatCountryError` for an output of a film that cannot be written; of one that is `new` nothing may be there."""
    if FILM not in spec.outputs:
        raise JobError("a film needs an output named film; say where it goes")
    film, inputs = spec.outputs[FILM], files_read(spec, recipe.dream)
    if new:
        new_output(Path(film.path), inputs, overwrite=film.overwrite)
    else:
        check_output(Path(film.path), inputs)


class FilmJob(Job[Dreamt]):
    """A film; see `batcountry.jobs.kinds.Job`.

    Parameters
    ----------
    maker
        Makes the frames.
    name, sha256
        Of what it is dreamed on, for its note.
    clip
        The video that it is dreamed on, if it is one.
    in_memory
        The picture that a zoom begins with, if that is in no file.
    """

    own_files = re.compile(rf"(state|frame|part|time)-\d+\.npz|\d{{{DIGITS},}}\.png|{re.escape(SOURCE)}")

    def __init__(
        self,
        spec: JobSpec,
        maker: Zoom | Filming,
        *,
        name: str | None,
        sha256: str,
        clip: Clip | None = None,
        in_memory: Picture | None = None,
    ) -> None:
        self.maker, self._clip, self._in_memory = maker, clip, in_memory
        height, width = maker.dreamer.size
        self.size = width, height
        self.count = maker.recipe.count if isinstance(maker, Zoom) else maker.count
        self.seconds: float = maker.seconds(self.count)
        names = shown_names(spec)
        self.recipe: Motion = maker.recipe.chosen(dream=maker.recipe.dream.chosen(**names))
        _check_files(self.recipe)
        model = maker.dreamer.model
        found = pinned(spec, self.recipe.dream, model, sha256)
        self.note = note_for(self.recipe, model.weights_sha256, name, sha256, found.machine.threads)
        self._place = spec.place(FILM)
        facts: dict[str, JsonValue] = {**spec.facts, "input": name, "input_sha256": sha256}
        self.spec = found.changed(recipe=json_of(self.recipe), facts=facts)
        self._sink: FrameSink | None = None
        self._frame: Dreamt | None = None
        self._stored = 0  # so many frames are kept

    def own_folder(self) -> Path:
        """Return the folder beside the film."""
        return folder_beside(self._place)

    def begin(self, folder: Path | None) -> None:
        """Say what it will take; raises `VideoError` if the disk has no room for it."""
        assert folder is not None
        output = Output(self._place, self.spec.outputs[FILM].overwrite)
        self._say(folder.absolute().parent, self._sink_in(folder, output))
        if self._in_memory is not None:
            place = JobFolder(folder.absolute()).files / SOURCE
            self.spec = self.spec.changed(inputs={**self.spec.inputs, "picture": InputFile(path=str(place))})
        if output.overwrite and output.path.is_dir():
            # So that no old frame stays; a film is replaced when the new one is finished.
            shutil.rmtree(output.path)

    def check_room(self, folder: Path) -> None:
        """Raise `VideoError` if the disk has no room for what is not there yet."""
        files = JobFolder(folder).files
        there = sum(each.stat().st_size for each in files.iterdir() if self.own_files.fullmatch(each.name))
        self._check_disk(folder, self._sink_in(files, Output(self._place)), there)

    def steps(self, files: Path | None, outputs: Mapping[str, Output]) -> Iterator[Dreamt]:
        """See `batcountry.jobs.kinds.Job`.

        Where frames are stored while others are dreamed, they come here when they are stored.
        """
        assert files is not None
        if self._in_memory is not None:
            self._in_memory.save(files / SOURCE, overwrite=True)
        self._sink = self._sink_in(files, outputs[FILM])
        done = self._stored = self._sink.count()
        state = FrameStates(files).read(done, self.maker.state_forms) if done else None
        frames = self.maker.dreamt(done, state)
        if stage_kind(self.maker.dreamer.device) == "side by side":
            frames = self._behind(frames, files)
        with closing(frames):
            for frame in frames:
                self._frame = frame
                yield frame
        if not self._sink.count():
            JobFolder(files.parent).clear(self.own_files)
            raise VideoError("there is no frame between where the video is to begin and to end")

    def _behind(self, frames: Generator[Dreamt], files: Path) -> Generator[Dreamt]:
        """Yield frames when they are stored, which is done while others are dreamed."""
        assert self._sink is not None
        deep = self._sink.deep

        def store(finished: Finished) -> Dreamt:
            try:
                self._store(finished, files)
            except OSError as error:
                raise stopped_by_disk(f"the job in {files.parent}", error) from error
            FrameStates(files).forget(self._stored)
            return finished.dreamt

        def finished() -> Generator[Finished]:
            with closing(frames):
                for frame in frames:
                    yield frame.finished(deep=deep)

        with self._sink.encoding_beside():
            yield from behind(store, finished(), BEHIND)

    def progress(self, step: Dreamt) -> Progress:
        """See `batcountry.jobs.kinds.Job`."""
        count = max(step.count, step.index + 1)
        return Progress(
            where=(Count(what="frame", at=step.index + 1, of=count),),
            size=self.size,
            done=(step.index + 1) / count,
        )

    def preview(self, step: Dreamt, side: int) -> bytes:
        """See `batcountry.jobs.kinds.Job`."""
        return preview_of_levels(step.image, side)

    def is_due(self, step: Dreamt, seconds: float) -> bool:  # noqa: ARG002
        """Return True: a frame is never made twice."""
        return True

    def save(self, files: Path) -> dict[str, JsonValue]:
        """Store what the next frame depends on, and then the last one."""
        if self._frame is None or self._sink is None:
            return {}
        if self._stored <= self._frame.index:
            self._store(self._frame.finished(deep=self._sink.deep), files)
        return {"frames": self._stored}

    def _store(self, finished: Finished, files: Path) -> None:
        assert self._sink is not None
        FrameStates(files).keep(finished.index + 1, finished.state())
        self._sink.add(finished)
        self._stored = finished.index + 1

    def saved(self, files: Path) -> None:
        """Delete what older frames depended on; beside a dream that is done as frames are stored."""
        if self._sink is not None and stage_kind(self.maker.dreamer.device) == "in turn":
            FrameStates(files).forget(self._stored)

    def finish(self, outputs: Mapping[str, Output]) -> None:  # noqa: ARG002
        """Write the film, in place of what was written of it as it was stopped."""
        assert self._sink is not None  # opened before the first frame
        self._sink.write(self.note.model_dump_json())

    def stop(self, outputs: Mapping[str, Output], *, resumable: bool) -> dict[str, Path]:  # noqa: ARG002
        """Write a film of the frames that there are."""
        if self._sink is None or not self._sink.count():
            return {}
        self._sink.write_so_far(self.note.model_dump_json())
        return {FILM: outputs[FILM].path}

    def _sink_in(self, files: Path, output: Output) -> FrameSink:
        offset = self.maker.offset if isinstance(self.maker, Filming) else Fraction(0)
        return sink_of(files, output, self.recipe, self.note, size=self.size, clip=self._clip, offset=offset)

    def _say(self, place: Path, sink: FrameSink) -> None:
        width, height = self.size
        need = self._check_disk(place, sink)
        log.info(
            "%d frames of %d×%d: about %s of memory, %s, up to %s of disk",
            self.count,
            width,
            height,
            said_most(self.maker.dreamer.plan.peak),
            said_seconds(self.seconds),
            said_bytes(need),
        )

    def _check_disk(self, place: Path, sink: FrameSink, there: int = 0) -> int:
        """Return the bytes of disk that the film takes; raises `VideoError` if there are not so many, but for those `there`."""
        width, height = self.size
        beside = stage_kind(self.maker.dreamer.device) == "side by side"
        need = sink.disk(self.count, encoding_beside=beside) + 4 * width * height * 12
        free = shutil.disk_usage(place).free
        if free < need - there:
            raise VideoError(
                f"the film needs up to {said_bytes(need - there)} of disk in {place}, and {said_bytes(free)} are free"
            )
        return need


def _check_files(recipe: Motion) -> None:
    for name in ("guide", "mask"):
        if str(getattr(recipe.dream, name) or "").startswith("sha256:"):
            raise RecipeError(f"give the {name} as a file, so that the film can be gone on with")
