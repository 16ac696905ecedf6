"""The kinds of jobs that there are, and what each has to be able to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import JsonValue

from batcountry.backend.outputs import Output
from batcountry.backend.policy import Policy
from batcountry.jobs.events import Progress
from batcountry.jobs.folder import NO_FILES
from batcountry.jobs.spec import JobSpec
from batcountry.recipe.registry import Registry

Objects = Mapping[str, Any]
"""What a caller has already in place of what a spec names: `model`, an open one; `asked`, the recipe prepared or resolved."""

S = TypeVar("S")


class Job(Protocol[S]):
    """A piece of work that is ready to be run: an iterator of steps, and what to make of each.

    What a subclass leaves out is as for work that needs no folder, and whose results are there as its steps are made: nothing
    is stored besides them.

    Attributes
    ----------
    spec
        With all that was chosen, and names that lead to files from anywhere, so that another process can go on with it.
    seconds
        How long it is expected to take; None if nobody knows.
    counts
        How many things came to what, such as 3 dreamed, 1 failed; empty where there is nothing to count.
    own_files
        Names of the files that it stores, whole: what else is in its folder may be somebody's and is never deleted.
    """

    own_files: ClassVar[re.Pattern[str]] = NO_FILES
    spec: JobSpec
    seconds: float | None = None
    counts: Mapping[str, int] = MappingProxyType({})

    def own_folder(self) -> Path | None:
        """Return a folder to work in if the caller names none, or None to work without one."""
        return None

    def begin(self, folder: Path | None) -> None:  # noqa: ARG002
        """Say what it will take, as it is begun and not gone on with, before the folder is written into.

        Raises
        ------
        JobError
            If there is no room for it.
        """
        return

    def check_room(self, folder: Path) -> None:  # noqa: ARG002
        """Raise `BatCountryError` if there is no room to go on in a folder, which may be anybody's."""
        return

    def steps(self, files: Path | None, outputs: Mapping[str, Output]) -> Iterator[S]:
        """Do the work step by step, from where `load` brought it; `files` is the folder for its own files, if it has one."""
        ...

    def progress(self, step: S) -> Progress:
        """Say how far it is after a step; the time that is left is added by who runs it."""
        ...

    def preview(self, step: S, side: int) -> bytes | None:
        """Return a small picture after a step, a JPEG or PNG, in a few milliseconds; None if there is none."""
        ...

    def is_due(self, step: S, seconds: float) -> bool:  # noqa: ARG002
        """Whether to `save` after a step, so many seconds after the last time."""
        return False

    def save(self, files: Path) -> dict[str, JsonValue]:  # noqa: ARG002
        """Store what the next step depends on in files of new names, and return what `load` needs to find it.

        Called between two steps. What was stored before has to stay as it is until `saved` is called.
        """
        return {}

    def saved(self, files: Path) -> None:  # noqa: ARG002
        """Delete what older steps stored, as what `save` returned is written down."""
        return

    def load(self, files: Path, part: dict[str, JsonValue]) -> None:  # noqa: ARG002
        """Go on from what `save` stored; raises `JobError` if that is damaged or of another job."""
        return

    def finish(self, outputs: Mapping[str, Output]) -> None:  # noqa: ARG002
        """Write the results when all steps are made; those that are there already, by `Output.is_own`, stay."""
        return

    def stop(self, outputs: Mapping[str, Output], *, resumable: bool) -> dict[str, Path]:  # noqa: ARG002
        """Write what there is after the last step, as the job was cancelled, and return where that is, by name."""
        return {}


class Kind(Protocol):
    """What makes jobs of one kind ready; it has no state."""

    def prepare(self, spec: JobSpec, policy: Policy, objects: Objects, *, new: bool) -> Job[Any]:
        """Make a job ready: check it as far as that needs no network, open that, read its picture, choose what is not said.

        Parameters
        ----------
        policy
            What the job may do; what it reads is asked of it.
        objects
            What the caller has open already.
        new
            Whether it is begun, and not gone on with: then nothing may be where its outputs go.

        Raises
        ------
        BatCountryError
            If it cannot be run, or inputs are others than the spec says.
        """
        ...


def kind_at(home: str) -> Callable[[], Kind]:
    """Return what makes a kind, given as `module:class`, whose module is imported when it is needed."""
    module, _, attribute = home.partition(":")

    def make() -> Kind:
        kind: Kind = getattr(import_module(module), attribute)()
        return kind

    return make


JOB_KINDS: Registry[Callable[[], Kind]] = Registry(
    "job kind",
    "batcountry.job_kinds",
    {
        "dream": kind_at("batcountry.jobs.dream_kind:DreamKind"),
        "dream-on-disk": kind_at("batcountry.jobs.disk_kind:DiskKind"),
        "bulk": kind_at("batcountry.jobs.bulk_kind:BulkKind"),
        "visualize": kind_at("batcountry.jobs.visualize_kind:VisualizeKind"),
        "atlas": kind_at("batcountry.atlas.atlas_kind:AtlasKind"),
        "sight": kind_at("batcountry.atlas.sight_kind:SightKind"),
        "zoom": kind_at("batcountry.motion.jobs.kinds:ZoomKind"),
        "video": kind_at("batcountry.motion.jobs.kinds:VideoKind"),
    },
)
"""What makes each kind, by name: a class, or a function without arguments. Rooms above this one are named in text."""
