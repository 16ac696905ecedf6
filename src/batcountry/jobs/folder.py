"""The folder of a job: one format for all kinds.

::

    job.json              the spec, made ready: what is to be done
    state.json            how far it is, with the kind's own part
    written-NAME.json     what the job itself wrote as an output, which it may replace
    checkpoint/           files of the kind
    .lock                 held by the process that is at work

A folder may be anybody's. What is in it is read within bounds, nothing in it is run, and links in it are refused, as they
would lead out of it. No file in it is written through: each is made anew beside the old one, which may be a hard link. Only
files are deleted that have names which this program gives, and only an empty folder.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue

from batcountry.backend.files import LEFT_BEHIND, is_taken, replace_file, write_file
from batcountry.backend.folders import exclusive_lock
from batcountry.backend.outputs import Output
from batcountry.errors import JobError, OutputExists
from batcountry.jobs.events import Progress
from batcountry.jobs.records import MAX_BYTES, Record, read_record
from batcountry.jobs.spec import JobSpec

JOB, STATE, CHECKPOINT = "job.json", "state.json", "checkpoint"

CURRENT = "current"
"""Name of the folder, among a kind's own files, of a job within the job."""

WITHIN = ".job"
"""Name of a job's folder within its output."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_JOB = re.compile(re.escape(JOB))
_OURS = re.compile(r"state\.json|\.lock|written-[a-z][a-z0-9_-]{0,40}\.json")
NO_FILES = re.compile(r"(?!)")
"""Matches no name."""

_MOST_FILES = 1_000_000


class JobState(Record):
    """How far a job is.

    Attributes
    ----------
    part
        The kind's own, which its `load` takes.
    outputs
        Where the results are, when it is finished.
    """

    version: Literal[1] = 1
    finished: bool = False
    at: Progress | None = None
    part: dict[str, JsonValue] = Field(default_factory=dict)
    outputs: dict[str, str] = Field(default_factory=dict)


class JobFolder:
    """A folder with a job in it. Only one process at a time may use it; see `alone`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def begin(cls, path: Path, spec: JobSpec) -> JobFolder:
        """Make a folder, if it is not there, and write a job down in it.

        Raises
        ------
        JobError
            If there is something in it, or it cannot be made.
        """
        cls.check_new(path)
        new = not path.exists()
        try:
            path.mkdir(exist_ok=True)
            (path / CHECKPOINT).mkdir(exist_ok=True)
            write_file(path / JOB, spec.model_dump_json(indent=1).encode(), overwrite=False)
        except OutputExists:
            raise JobError(f"{path} has a job in it by now; name another folder") from None
        except (OSError, ValueError) as error:  # which pydantic raises for names that are not UTF-8
            if new:
                cls(path).clear()
            reason = (
                getattr(error, "strerror", None) or "the name of a file or folder is not UTF-8; rename it"
            )
            raise JobError(f"cannot make the folder {path}: {reason}") from None
        return cls(path)

    @staticmethod
    def check_new(path: Path) -> None:
        """Raise `JobError` unless a job can be begun in a folder; makes nothing."""
        if exists(path / JOB):
            raise JobError(
                f"{path} has a job in it already; go on with `bat-country resume {path}`, or delete it"
            )
        if is_taken(path) and not _is_only_begun(path):
            raise JobError(f"{path} is there already and not empty; name a new folder")
        if not path.absolute().parent.is_dir():
            raise JobError(f"cannot make {path}: there is no folder {path.parent}; make it first")

    @classmethod
    def open(cls, path: Path) -> JobFolder:
        """Return a folder that has a job in it.

        Raises
        ------
        JobError
            If there is none, or there are links in it.
        """
        if not exists(path / JOB):
            if exists(path) and path.is_file():
                raise JobError(
                    f"there is no unfinished work beside {path}; it is finished, or is no result of a job"
                )
            raise JobError(f"there is no job to go on with in {path}; name the folder of one")
        for count, entry in enumerate(_entries(path)):
            if what := _oddity(entry):
                raise JobError(f"{entry} is {what}, which no job makes; do not go on with this folder")
            if count > _MOST_FILES:
                raise JobError(f"{path} has too many files in it to be a job's")
        try:
            (path / CHECKPOINT).mkdir(exist_ok=True)  # some copy no empty folders
        except OSError as error:
            raise JobError(
                f"{path / CHECKPOINT} cannot be used: {error.strerror}; start the job anew"
            ) from None
        return cls(path)

    def alone(self) -> AbstractContextManager[None]:
        """Hold the folder's lock; raises `JobError` if another process holds it."""
        return exclusive_lock(self.path, JobError)

    def spec(self) -> JobSpec:
        """Return what is to be done; raises `JobError` if that is damaged, or of another version."""
        return JobSpec.read(self._read(JOB), str(self.path / JOB))

    def state(self) -> JobState | None:
        """Return how far it is, or None if nothing was stored; raises `JobError` if that is damaged."""
        if not (self.path / STATE).exists():
            return None
        return read_record(JobState, self._read(STATE), str(self.path / STATE))

    def write_state(self, state: JobState) -> None:
        """Write down how far it is, at once and whole: what `state` says from here on."""
        replace_file(self.path / STATE, state.model_dump_json().encode())

    @property
    def files(self) -> Path:
        """The folder for the kind's own files."""
        return self.path / CHECKPOINT

    def sweep(self, own: re.Pattern[str], kept: Collection[str] = ()) -> None:
        """Delete files of the kind, whose names are `own`, but some."""
        _delete(self.files, own, kept)

    def outputs(self, spec: JobSpec) -> dict[str, Output]:
        """Return where results go, under the names that they have by now."""
        return {
            name: Output.resumed(
                Path(each.path), overwrite=each.overwrite, record=self.path / f"written-{name}.json"
            )
            for name, each in spec.outputs.items()
        }

    def clear(self, own: re.Pattern[str] = NO_FILES) -> None:
        """Delete what the job has in the folder, beginning with what makes it a job's, and the folder if that was all.

        Parameters
        ----------
        own
            Names of the kind's files.
        """
        for folder, names in ((self.path, _JOB), (self.files, own), (self.path, _OURS)):
            if folder.is_dir() and not folder.is_symlink():
                _delete(folder, names)
                with suppress(OSError):  # there is something of somebody else's in it
                    folder.rmdir()

    def _read(self, name: str) -> bytes:
        try:
            with (self.path / name).open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except OSError as error:
            raise JobError(f"{self.path / name} cannot be read: {error.strerror}") from None


def _delete(folder: Path, own: re.Pattern[str], kept: Collection[str] = ()) -> None:
    """Delete from a folder the plain files that have names of ours, but some, and those that a kill left half-written."""
    for each in folder.iterdir():
        is_ours = own.fullmatch(each.name) or each.name.startswith(LEFT_BEHIND)
        if is_ours and each.name not in kept and each.is_file() and not each.is_symlink():
            each.unlink(missing_ok=True)


def _entries(path: Path) -> Iterator[Path]:
    """Yield what is in a job's folder and in that of its kind's files; what else lies in it is no concern of the job."""
    yield from path.iterdir()
    files = path / CHECKPOINT
    if files.is_dir() and not files.is_symlink():
        yield from files.iterdir()


def _oddity(entry: Path) -> str | None:
    """Return what an entry is, if no job makes such."""
    if entry.is_symlink():
        return "a link"
    if not (entry.is_dir() or entry.is_file()):
        return "no plain file"
    if entry.parent.name == CHECKPOINT and entry.is_dir() and entry.name != CURRENT:
        return "a folder"
    if (
        entry.name == ".lock" and entry.stat().st_nlink > 1
    ):  # the only one that is opened for writing as it is
        return "a hard link"
    return None


def exists(path: Path) -> bool:
    """Whether something is there; what has a name that no file can have is not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _is_only_begun(path: Path) -> bool:
    """Whether all that is in a folder is what `begin` leaves that was killed before the job was written down."""
    if not path.is_dir() or path.is_symlink():
        return False
    for each in path.iterdir():
        is_empty = each.name == CHECKPOINT and not is_taken(each) and not each.is_symlink()
        if not is_empty and not each.name.startswith(LEFT_BEHIND):
            return False
    return True


def folder_beside(output: Path) -> Path:
    """Return the folder of a job whose output takes long to become whole, such as a film."""
    return output.with_name(f"{output.name}.journal")


def folder_within(output: Path) -> Path:
    """Return the folder of a job whose output is a folder that it fills, such as an atlas."""
    return output / WITHIN


def folder_of(path: Path) -> Path:
    """Return the folder of the job that a path leads to, which may be the job's output; the path itself if there is none."""
    beside = [folder_beside(path)] if path.name else []  # . and / have none
    places = (path, *beside, folder_within(path))
    return next((each for each in places if exists(each / JOB)), path)


def stopped_by_disk(what: str, error: OSError) -> JobError:
    """Return what is said of work that could not be stored, with what to do."""
    remedy = "make room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "see to that"
    return JobError(f"{what} stopped: {error.strerror or error}; {remedy} and go on from there")


def checkpoint_file(files: Path, name: JsonValue) -> Path:
    """Return a file of the kind's own by a name that a state tells; raises `JobError` if that would lead elsewhere."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or (files / name).is_symlink():
        raise JobError(f"{name!r} is no name of a file in {files}; start the job anew")
    return files / name
