"""What a job is to do, as data: its kind, its recipe, what it reads and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, JsonValue
from typing_extensions import Self

from batcountry.backend.outputs import Output
from batcountry.errors import JobError
from batcountry.jobs.records import Record, read_record
from batcountry.recipe.validation import Options

R = TypeVar("R", bound=Options)

LEAST_SAVE_SECONDS = 1.0
"""From one time that a job is stored to the next, if its folder alone says how often."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")]
"""Of a kind, an input or an output."""

PathText = Annotated[str, Field(min_length=1, max_length=4096)]


class InputFile(Record):
    """A file that a job reads, or the name of a network.

    Attributes
    ----------
    path
        Where it is. In a job's folder it leads there from anywhere.
    name
        What results say of it, if that is something else.
    sha256
        Of its content, or of a network's weights, as far as it is known; another is refused.
    """

    path: PathText
    name: str | None = Field(default=None, max_length=4096)
    sha256: str | None = Field(default=None, max_length=128)

    @property
    def shown(self) -> str:
        """What results say of it."""
        return self.path if self.name is None else self.name


class OutputPlace(Record):
    """A file or folder that a job writes; `overwrite` says that what is there may be replaced."""

    path: PathText
    overwrite: bool = False


def places_of(outputs: Mapping[str, Output]) -> dict[str, OutputPlace]:
    """Return outputs by name as a spec has them."""
    return {
        name: OutputPlace(path=str(each.path), overwrite=each.overwrite) for name, each in outputs.items()
    }


class Machine(Record):
    """What belongs to the machine and not to the work.

    Attributes
    ----------
    threads
        Of PyTorch and of encoders: with another number sums are rounded otherwise. None for those there are.
    ceiling
        Bytes of memory from which on what is kept of one tile is given back before the next; None as planned.
    save_seconds
        How often to store how far the job is, where that takes time.
    """

    threads: int | None = Field(default=None, ge=1, le=512)
    ceiling: int | None = Field(default=None, ge=1)
    save_seconds: float = Field(default=10, ge=0, le=86_400)


class JobSpec(Record):
    """A piece of long work.

    Attributes
    ----------
    kind
        One of `batcountry.jobs.JOB_KINDS`.
    recipe
        The kind's own recipe as JSON, such as that of `batcountry.Recipe`.
    inputs, outputs
        By name; which there are is the kind's.
    temporary
        Whether the job's folder goes when all is done, as nobody named it.
    facts
        What the kind chose when it made the job ready, which going on must not choose anew.
    """

    version: Literal[1] = 1
    kind: Name
    recipe: dict[str, JsonValue] = Field(default_factory=dict)
    inputs: dict[Name, InputFile] = Field(default_factory=dict)
    outputs: dict[Name, OutputPlace] = Field(default_factory=dict)
    machine: Machine = Field(default_factory=Machine)
    temporary: bool = False
    facts: dict[str, JsonValue] = Field(default_factory=dict)

    @classmethod
    def read(cls, data: str | bytes, what: str = "the job") -> Self:
        """Read a spec from its JSON form; raises `JobError` if it is none, or longer than a spec can be."""
        return read_record(cls, data, what)

    def distrusted(self, *, overwrite: bool) -> Self:
        """Return this spec as far as the word of a folder counts, which may be anybody's.

        It is stored no more often than every second, and with `overwrite` alone may anything be replaced.
        """
        places = {
            name: each.model_copy(update={"overwrite": each.overwrite and overwrite})
            for name, each in self.outputs.items()
        }
        seconds = max(LEAST_SAVE_SECONDS, self.machine.save_seconds)
        return self.changed(outputs=places, machine=self.machine.model_copy(update={"save_seconds": seconds}))

    def place(self, name: str) -> Path:
        """Return where an output goes; raises `JobError` if the job has none of that name."""
        if name not in self.outputs:
            raise JobError(f"a job of the kind {self.kind} needs an output named {name}; say where it goes")
        return Path(self.outputs[name].path)

    def source(self, name: str) -> Path:
        """Return where an input is; raises `JobError` if the job has none of that name."""
        if name not in self.inputs:
            raise JobError(f"a job of the kind {self.kind} needs an input named {name}; say where it is")
        return Path(self.inputs[name].path)

    def changed(self, **fields: object) -> Self:
        """Return this spec with other fields."""
        return self.model_copy(update=fields)

    def recipe_of(self, kind: type[R]) -> R:
        """Return the recipe as a value of the kind's own; raises `RecipeError` if it is none."""
        return kind.of(dict(self.recipe))


def json_of(recipe: Options) -> dict[str, JsonValue]:
    """Return a recipe as a spec has it."""
    found: dict[str, JsonValue] = recipe.model_dump(mode="json")
    return found
