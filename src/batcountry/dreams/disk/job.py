"""The folder of a dream on disk: what is to be done, how far it is, and its canvases."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from batcountry.backend.files import replace_file
from batcountry.backend.folders import exclusive_lock
from batcountry.backend.outputs import Output
from batcountry.backend.policy import STRICT
from batcountry.dreams.disk.canvas import Canvas
from batcountry.errors import RecipeError
from batcountry.recipe import Note

Size = tuple[int, int]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Job(_Record):
    """What a dream on disk is to do, written once."""

    note: Note
    """The finished picture's; its recipe has all that was chosen."""
    model: str
    """What to open the network by, from anywhere."""
    weights: str | None = None
    """File of weights for the network, from anywhere."""
    source: str | None
    """The picture's path, from anywhere; None for the sky."""
    sizes: list[tuple[PositiveInt, PositiveInt]] = Field(min_length=1)
    """(height, width) of the octaves, smallest first."""
    output: str
    deepzoom: str | None
    overwrite: bool = False
    """Whether what was there when the dream was begun may be replaced."""
    threads: int = Field(ge=1, le=4096)
    """Of PyTorch: with another number sums are rounded otherwise."""
    kept: bool
    """Whether the folder stays when all is done."""
    ceiling: int | None = None
    """Of memory between tiles, in bytes; see `TileScorer`."""
    shrunk: bool = False
    """Whether memory ran out, and tiles are half as wide as they were."""

    def reaches(self, state: State) -> bool:
        """Whether a state is one that this job comes to."""
        return state.octave < len(self.sizes) and state.iteration <= self.note.recipe.iterations

    @property
    def files(self) -> tuple[str | None, ...]:
        """What the work reads and writes outside its folder."""
        recipe = self.note.recipe
        return (self.source, self.weights, recipe.guide, self.output, self.deepzoom)

    @property
    def is_large(self) -> bool:
        """Whether it is more work than a folder may ask for if nothing is said."""
        steps = len(self.sizes) * self.note.recipe.iterations
        pixels = max(height * width for height, width in self.sizes)
        return pixels > (STRICT.max_pixels or 0) or steps > (STRICT.max_steps or 0)


class State(_Record):
    """How far a dream on disk is: so many iterations of an octave are finished."""

    octave: NonNegativeInt = 0
    iteration: NonNegativeInt = 0
    finished: bool = False


class WorkDir:
    """A folder with a job in it. Only one process at a time may use it; see `alone`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def alone(self) -> AbstractContextManager[None]:
        """Hold the folder's lock, as `batcountry.backend.folders.alone_in`; raises `RecipeError` if another process holds it."""
        return exclusive_lock(self.folder, RecipeError)

    def begin(self, job: Job) -> None:
        """Write the job down; raises `RecipeError` if the disk has no room for it."""
        need, free = needed_disk(job.sizes), free_disk(self.folder)
        if free < need:
            raise RecipeError(
                f"the dream needs {need / 1e9:.1f} GB of disk in {self.folder}, and {free / 1e9:.1f} GB are free; "
                "name a folder on a larger disk with --work"
            )
        self.write(job)

    def write(self, job: Job) -> None:
        """Write the job down, at once and whole."""
        replace_file(self.folder / "job.json", job.model_dump_json(indent=1).encode())

    def job(self) -> Job:
        """Return the job; raises `RecipeError` if there is none or it is damaged."""
        path = self.folder / "job.json"
        try:
            return Job.model_validate_json(path.read_bytes())
        except OSError:
            raise RecipeError(
                f"there is no dream to go on with in {self.folder}; name the folder that --work named"
            ) from None
        except ValidationError as error:
            raise RecipeError(
                f"{path} is damaged: {error.errors()[0]['msg']}; start the dream anew"
            ) from None

    def state(self) -> State | None:
        """Return how far the job is, or None if the octaves are not ready yet; raises `RecipeError` if that is damaged."""
        path = self.folder / "state.json"
        try:
            state = State.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError):
            raise RecipeError(f"{path} is damaged; start the dream anew") from None
        if not self.job().reaches(state):
            raise RecipeError(
                f"{path} is not of the dream in {self.folder / 'job.json'}; start the dream anew"
            )
        return state

    def reach(self, state: State) -> None:
        """Write down how far the job is, at once and whole."""
        replace_file(self.folder / "state.json", state.model_dump_json().encode())

    def output(self, job: Job) -> Output:
        """Return where a job's picture goes, under the name that it has by now."""
        record = self.folder / "written.json"
        return Output.resumed(Path(job.output), overwrite=job.overwrite, record=record)

    def pyramid(self, job: Job) -> Output | None:
        """Return where a job's deep-zoom pyramid goes, if it has one."""
        if job.deepzoom is None:
            return None
        record = self.folder / "written-deepzoom.json"
        return Output.resumed(Path(job.deepzoom), overwrite=job.overwrite, record=record)

    def base(self, octave: int, size: Size) -> Canvas:
        """Return the canvas of the picture at an octave's size."""
        return Canvas(self.folder / f"base-{octave}.raw", size)

    def image(self, state: State, size: Size) -> Canvas:
        """Return the canvas that holds the dream as far as `state`; two take turns in an octave."""
        return Canvas(self.folder / f"image-{state.octave}-{state.iteration % 2}.raw", size)

    def gradient(self, size: Size) -> Canvas:
        """Return the canvas that gradients are added up on."""
        return Canvas(self.folder / "gradient.raw", size)

    def level(self, index: int, size: Size) -> Canvas:
        """Return the canvas of a coarser level of the gradient; see `batcountry.optim.bands`."""
        return Canvas(self.folder / f"gradient-{index}.raw", size)

    def sweep(self, *kept: Canvas) -> None:
        """Delete all canvases but some."""
        for path in self.folder.glob("*.raw"):
            if path not in {each.path for each in kept}:
                path.unlink()


def free_disk(folder: Path) -> int:
    """Return the bytes that are free where a folder is."""
    return shutil.disk_usage(folder).free


def needed_disk(sizes: list[Size]) -> int:
    """Return the bytes of disk that a dream takes: octaves, two of the dream, the gradient and its levels, the result."""
    pixels = [height * width for height, width in sizes]
    return 12 * (sum(pixels) + 3 * pixels[-1]) + 4 * pixels[-1] + 4 * pixels[-1]
