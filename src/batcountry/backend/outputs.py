"""Where results go: free names, what may be replaced, and that no input ever is."""

from __future__ import annotations

import itertools
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from batcountry.backend.files import LEFT_BEHIND, beside, is_taken, place, replace_file
from batcountry.errors import OutputError, OutputExists

log = logging.getLogger("batcountry")

T = TypeVar("T")

_LONGEST_RECORD = 1 << 20  # bytes


@dataclass
class Output:
    """A file or folder that a result becomes.

    Attributes
    ----------
    path
        Where it goes. If something else is there when it is finished, it gets the next free name, and this is that.
    overwrite
        Whether what is there may be replaced.
    record
        A file of work that is resumed, which tells what that wrote itself and may replace.
    """

    path: Path
    overwrite: bool = False
    record: Path | None = None

    @classmethod
    def resumed(cls, path: Path, *, overwrite: bool, record: Path) -> Output:
        """Return the output of work that was begun with it, under the name that it has by now."""
        written = _written(record)
        known = written is not None and written.is_of(path) and written.is_there
        return cls(written.path if written and known else path, overwrite, record)

    @property
    def is_own(self) -> bool:
        """Whether what is there is what this work wrote."""
        written = _written(self.record)
        return written is not None and written.path == self.path.absolute() and written.is_there

    def save(self, write: Callable[[Path, bool], object]) -> Path:
        """Write the result and return where it is.

        Parameters
        ----------
        write
            Takes a path and whether that may be replaced; raises `OutputExists` if it is taken and may not.
        """
        while True:
            try:
                write(self.path, self.overwrite or self.is_own)
                return self.path
            except OutputExists:
                taken, self.path = self.path, free_name(self.path)
                log.warning("%s is there by now; the result goes to %s", taken, self.path)

    def write(self, *pieces: bytes | memoryview) -> Path:
        """Write the result, a file's pieces, whole or not at all, and return where it is."""
        with beside(self.path, *pieces) as temporary:
            return self.put(temporary)

    def put(self, temporary: Path) -> Path:
        """Give a finished file or folder its name, and return that."""

        def put(path: Path, overwrite: bool) -> None:
            if self.record is not None:
                # Before it is there, so that work that is killed here knows it for its own.
                written = _Written.of(temporary, path, before=_written(self.record))
                replace_file(self.record, written.model_dump_json().encode())
            place(temporary, path, overwrite=overwrite)

        return self.save(put)


class Making(Iterator[T]):
    """Work on an output step by step.

    Attributes
    ----------
    output
        Its `path` is final when there are no more steps.
    count
        How many steps there will be, as far as that is known.
    """

    def __init__(self, steps: Iterator[T], output: Output, count: int | None = None) -> None:
        self._steps, self.output, self.count = steps, output, count

    def __next__(self) -> T:
        return next(self._steps)

    def close(self) -> None:
        """Stop the work here; what is done is kept."""
        close = getattr(self._steps, "close", None)
        if close is not None:
            close()


def free_name(path: Path, taken: Callable[[Path], bool] = is_taken) -> Path:
    """Return a path, or if that is taken, the first free one of `name-2.png`, `name-3.png` and so on."""
    if not taken(path):
        return path
    suffix = path.suffix if re.fullmatch(r"\.[A-Za-z]\w*", path.suffix) else ""  # blocks.5 has none
    stem = path.name.removesuffix(suffix)
    names = (path.with_name(f"{stem}-{number}{suffix}") for number in itertools.count(2))
    return next(each for each in names if not taken(each))


def for_layer(path: Path, layer: str, *, suffix: str | None = None) -> Path:
    """Return a path with a layer's name in it, for one of several layers that are dreamed with."""
    suffix = path.suffix if suffix is None else suffix
    return path.with_name(f"{path.name.removesuffix(suffix)}_{layer.replace('/', '_')}{suffix}")


def check_apart(output: Path, inputs: Iterable[Path | None]) -> None:
    """Raise `OutputError` if an output is one of the inputs, by whatever name, link or hard link."""
    for each in inputs:
        if each is not None and is_same(output, each):
            name = f"{output} is" if output == each else f"{output} is the same file as {each},"
            raise OutputError(f"{name} an input, which is never written over; give the output another name")


def check_new(output: Path, *, overwrite: bool) -> None:
    """Raise `OutputExists` if something is where an output is to go, and may not be replaced."""
    if not overwrite and is_taken(output):
        raise OutputExists(output)


def check_folder_of_ours(folder: Path, names: re.Pattern[str], inputs: Iterable[Path | None] = ()) -> None:
    """Raise `OutputError` unless all that a folder holds has names that this program gives, and is no input.

    A folder that may be replaced could otherwise be anybody's.
    """
    if not folder.is_dir():
        if os.path.lexists(folder):
            raise OutputError(f"{folder} is a file, and a folder is to be written; give another name")
        return
    for each in sorted(folder.iterdir()):
        if not names.fullmatch(each.name) and not each.name.startswith(LEFT_BEHIND):
            raise OutputError(
                f"{folder} holds {each.name}, which this program did not write, so it is not replaced; "
                "name another folder"
            )
    for source in inputs:
        if source is not None and Path(os.path.realpath(folder)) in Path(os.path.realpath(source)).parents:
            raise OutputError(
                f"{folder} has the input {source} in it, so it is not replaced; name another folder"
            )


def is_same(one: Path, other: Path) -> bool:
    """Whether two names are of one file or folder, be it there or not."""
    try:
        if one.samefile(other):
            return True
    except (OSError, ValueError):
        pass
    try:
        return os.path.realpath(one) == os.path.realpath(other)
    except (OSError, ValueError):
        return False


class _Written(BaseModel):
    """What was written under a name: of each version the size and when it was last changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    versions: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, temporary: Path, path: Path, before: _Written | None) -> _Written:
        known = before.versions if before and before.path == path.absolute() else ()
        return cls(path=path.absolute(), versions=(*known, _version(temporary)))

    @property
    def is_there(self) -> bool:
        try:
            return _version(self.path) in self.versions
        except (OSError, ValueError):  # no name that a file can have
            return False

    def is_of(self, path: Path) -> bool:
        """Whether it is of a result that was to go to a path, and took that name or one with a number."""
        stem = path.name.removesuffix(path.suffix)
        numbered = rf"{re.escape(stem)}(-\d+)?{re.escape(path.suffix)}|{re.escape(path.name)}(-\d+)?"
        return (
            self.path.parent == path.absolute().parent and re.fullmatch(numbered, self.path.name) is not None
        )


def _version(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _written(record: Path | None) -> _Written | None:
    try:
        if record is None or record.stat().st_size > _LONGEST_RECORD:
            return None
        return _Written.model_validate_json(record.read_bytes())
    except (OSError, ValidationError):
        return None  # then nothing there is known for our own, and nothing is replaced


def sweep_left_behind(folder: Path) -> None:
    """Delete from a folder what work that was killed left half-written there."""
    for each in folder.glob(f"{LEFT_BEHIND}*"):
        if each.is_file():
            each.unlink(missing_ok=True)
