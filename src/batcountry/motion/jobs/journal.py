"""The journal of a film in the making: what is to be done, and what the next frame depends on, on disk."""

from __future__ import annotations

import io
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from batcountry.backend.files import replace_file, write_file
from batcountry.backend.folders import exclusive_lock
from batcountry.backend.outputs import Output
from batcountry.errors import OutputExists, VideoError
from batcountry.motion.frame import State
from batcountry.motion.note import MotionNote
from batcountry.motion.recipes import VideoRecipe, ZoomRecipe

JOB = "motion.json"
"""The file by which a journal is known."""


class Job(BaseModel):
    """What a film is to be, written once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    note: MotionNote
    recipe: Annotated[ZoomRecipe | VideoRecipe, Field(discriminator="kind")]
    """With names that lead to files from anywhere; the note's has them as they were given."""
    source: str | None
    """The picture's or video's path, from anywhere; None for the sky."""
    output: str
    overwrite: bool = False
    """Whether what was there when the film was begun may be replaced."""
    own_flow: bool = False
    """Whether the caller found movement with a function of theirs, which has to be given again."""
    threads: int
    """Of PyTorch and the encoder: with another number sums are rounded otherwise."""

    @property
    def files(self) -> tuple[str | None, ...]:
        """What the work reads and writes outside its folder."""
        dream = self.recipe.dream
        return (self.source, dream.weights, dream.guide, dream.mask, self.output)


class Journal:
    """A folder beside the film. Only one process at a time may use it; see `alone`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def beside(cls, output: Path) -> Journal:
        """Return the journal of a film."""
        return cls(output.with_name(f"{output.name}.journal"))

    def alone(self) -> AbstractContextManager[None]:
        """Hold the folder's lock, as `batcountry.backend.folders.alone_in`; raises `VideoError` if another process holds it."""
        return exclusive_lock(self.folder, VideoError)

    def check_new(self) -> None:
        """Raise `VideoError` if there is a film in it already."""
        if (self.folder / JOB).exists():
            raise VideoError(
                f"{self.folder} has an unfinished film in it; "
                f"go on with `bat-country resume {self.folder}`, or delete it"
            )

    @property
    def record(self) -> Path:
        """The file that tells what the film's own work wrote."""
        return self.folder / "written.json"

    @property
    def output(self) -> Output:
        """Where the film goes, under the name that it has by now; raises `VideoError` if there is no job."""
        job = self.job()
        return Output.resumed(Path(job.output), overwrite=job.overwrite, record=self.record)

    def begin(self, job: Job) -> None:
        """Write the job down; raises `VideoError` if the folder cannot be made, or has a film in it by now."""
        try:
            self.folder.mkdir(exist_ok=True)
            write_file(self.folder / JOB, job.model_dump_json(indent=1).encode(), overwrite=False)
        except OutputExists:
            self.check_new()
        except OSError as error:
            raise VideoError(f"cannot make the folder {self.folder}: {error.strerror}") from None

    def job(self) -> Job:
        """Return the job; raises `VideoError` if there is none or it is damaged."""
        path = self.folder / JOB
        try:
            return Job.model_validate_json(path.read_bytes())
        except OSError:
            raise VideoError(f"there is no film to go on with in {self.folder}") from None
        except ValidationError as error:
            raise VideoError(f"{path} is damaged: {error.errors()[0]['msg']}; start the film anew") from None

    def keep(self, done: int, state: State) -> None:
        """Store what the frame after the first `done` depends on."""
        replace_file(self._state(done), arrays_bytes(state))

    def forget(self, done: int) -> None:
        """Delete what older frames left, when `done` of them are stored."""
        for path in self.folder.glob("state-*.npz"):
            if path != self._state(done):
                path.unlink()

    def state(self, done: int) -> State:
        """Return what `keep` stored; raises `VideoError` if it is not there or damaged."""
        return read_arrays(self._state(done))

    def clear(self) -> None:
        """Delete the folder, beginning with what makes it a journal."""
        (self.folder / JOB).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _state(self, done: int) -> Path:
        return self.folder / f"state-{done:08d}.npz"


def arrays_bytes(arrays: State) -> memoryview:
    """Return arrays by name as the bytes of an `.npz` file, not compressed."""
    out = io.BytesIO()
    np.savez(out, **arrays)  # type: ignore[arg-type]
    return out.getbuffer()


def read_arrays(path: Path) -> State:
    """Return the arrays of an `.npz` file by name; raises `VideoError` if it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise VideoError(f"{path} is damaged or missing ({error}); start the film anew") from None
