"""Running a job: its steps become events, it is stored as it goes, and can be cancelled, paused and gone on with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from batcountry.backend.files import is_taken
from batcountry.backend.outputs import check_apart
from batcountry.backend.policy import OPEN, STRICT, Policy
from batcountry.errors import BatCountryError, JobError, first_line
from batcountry.jobs.control import Control
from batcountry.jobs.events import Done, Event, Failed, Message
from batcountry.jobs.folder import WITHIN, JobFolder, exists, folder_of
from batcountry.jobs.job_run import Events, Run
from batcountry.jobs.kinds import JOB_KINDS, Job, Objects
from batcountry.jobs.messages import Heard, say
from batcountry.jobs.spec import JobSpec


def run(
    spec: JobSpec,
    *,
    folder: str | Path | None = None,
    policy: Policy = OPEN,
    control: Control | None = None,
    objects: Objects | None = None,
) -> Events:
    """Run a job, and yield what it tells. All that can be wrong before the first step is said at the call.

    Parameters
    ----------
    folder
        A new folder to work in, from which `resume` goes on with a job that was stopped in whatever way. With none the job
        is kept in memory, or, if it is of a kind that cannot be, in a folder of its own that goes in the end.
    policy
        What the job may do. The default is for what the user wrote; give `STRICT` for what came from elsewhere.
    control
        Cancels and pauses it from another thread. Cancelled, it ends with `Stopped`.
    objects
        What is there already in place of what the spec names: an open `model`, or what was `asked` for, prepared.

    Yields
    ------
    Event
        At the end one of `Done` and `Stopped`. On Ctrl-C comes `Stopped`, and then `KeyboardInterrupt` is raised on; `told`
        makes `Failed` of errors.

    Raises
    ------
    BatCountryError
        If the job cannot be run.
    """
    return begin(spec, folder=folder, policy=policy, control=control, objects=objects).events()


def begin(
    spec: JobSpec,
    *,
    folder: str | Path | None = None,
    policy: Policy = OPEN,
    control: Control | None = None,
    objects: Objects | None = None,
) -> Run:
    """Make a job ready, and return its run; takes what `run` takes."""
    kind, heard = JOB_KINDS[spec.kind](), Heard()
    with heard.hearing():
        if folder is not None:
            JobFolder.check_new(Path(folder))
        job = kind.prepare(spec, policy, objects or {}, new=True)
        kept = _begun(job, folder)
    steps = Run(job, kept, control or Control(), policy, heard)
    for name, each in spec.outputs.items():
        steps.outputs[name].path = Path(each.path)  # as the caller says it
    return steps


def _begun(job: Job[Any], folder: str | Path | None) -> JobFolder | None:
    """Write a job down in a folder, or in one of its own if it needs one; what cannot be begun leaves none."""
    place = job.own_folder() if folder is None else Path(folder)
    job.spec = job.spec.changed(temporary=folder is None)
    taken = place is not None and is_taken(place)  # then it is not this job's
    try:
        job.begin(place)
        return None if place is None else JobFolder.begin(place, job.spec)
    except BaseException:
        if folder is None and place is not None and not taken and exists(place):
            JobFolder(place).clear(job.own_files)
        raise


def resume(
    folder: str | Path,
    *,
    policy: Policy = STRICT,
    control: Control | None = None,
    objects: Objects | None = None,
    overwrite: bool = False,
) -> Events:
    """Go on with a job from its folder, and yield what it tells; see `run`.

    Parameters
    ----------
    overwrite
        Whether what somebody else wrote where results go may be replaced, if the job was begun so. What the folder itself
        says of that does not count, as it may be anybody's. What the job wrote is replaced anyway.
    policy
        What the job may do, as the folder may be somebody else's. Besides, files may be read in the folder that it lies in
        and in the working folder, and below; results may go to the folder that it lies in and below, but to nothing hidden.

    Raises
    ------
    BatCountryError
        If there is no job in the folder, it is damaged or finished, or what it reads is not what it was begun with.
    """
    return reopen(folder, policy=policy, control=control, objects=objects, overwrite=overwrite).events()


def reopen(
    folder: str | Path,
    *,
    policy: Policy = STRICT,
    control: Control | None = None,
    objects: Objects | None = None,
    overwrite: bool = False,
) -> Run:
    """Make a job in a folder ready to go on, and return its run; takes what `resume` takes."""
    place, heard = JobFolder.open(folder_of(Path(folder))), Heard()
    home = place.path.resolve().parent
    filled = [home] if place.path.name == WITHIN else []  # an atlas
    spec, state = place.spec().distrusted(overwrite=overwrite), place.state()
    for each in spec.outputs.values():
        _check_output(policy.allow(*filled).check_result(each.path, home), spec)
    policy = policy.allow(Path.cwd(), home)
    if state is not None and state.finished:
        found = ", ".join(state.outputs.values())
        raise JobError(f"the job in {folder} is finished; it is in {found}")
    with heard.hearing():
        job = JOB_KINDS[spec.kind]().prepare(spec, policy, objects or {}, new=False)
        job.check_room(place.path)
    return Run(job, place, control or Control(), policy, heard)


def _check_output(path: Path, spec: JobSpec) -> None:
    """Raise `BatCountryError` if a result cannot go somewhere, so that this is said before the work and not after it."""
    check_apart(path, [Path(each.path) for each in spec.inputs.values()])
    try:
        there = path.absolute().parent.is_dir() and path.exists() in (True, False)
    except OSError as error:  # a name that is too long
        raise JobError(f"the result cannot go to {str(path)[:200]!r}: {error.strerror}") from None
    if not there:
        raise JobError(f"there is no folder {path.parent} for the result; make it, and go on")


def finish(events: Iterable[Event]) -> dict[str, Path]:
    """Run a job to its end, say its messages in the usual way, and return where its results are, by name.

    Raises
    ------
    JobError
        If it is cancelled.
    """
    for event in events:
        if isinstance(event, Message):
            say(event)
        elif isinstance(event, Done):
            return {name: Path(each) for name, each in event.outputs.items()}
    raise JobError("the job was cancelled")  # or Ctrl-C would have been raised on


def told(events: Iterator[Event]) -> Iterator[Event]:
    """Yield a job's events, and `Failed` in the place of an error, for who has nobody to raise it to."""
    try:
        yield from events
    except BatCountryError as error:
        yield Failed(text=str(error), error=type(error).__name__, folder=_text_of(error.folder))
    except Exception as error:
        text = f"a fault of the program itself, {type(error).__name__}: {first_line(error)}"
        yield Failed(text=text, error=type(error).__name__, folder=_text_of(getattr(error, "folder", None)))


def _text_of(folder: Path | None) -> str | None:
    return None if folder is None else str(folder)
