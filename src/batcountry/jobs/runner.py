"""Running a job: its steps become events, it is stored as it goes, and can be cancelled, paused and gone on with."""

from __future__ import annotations

import shutil
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

from batcountry.backend.outputs import Output
from batcountry.backend.policy import OPEN, STRICT, Policy
from batcountry.backend.threads import limited_threads
from batcountry.errors import BatCountryError, JobError, first_line
from batcountry.jobs.control import Control
from batcountry.jobs.events import Done, Event, Failed, Message, Preview, Progress, Stopped
from batcountry.jobs.folder import JOB, JobFolder, JobState, folder_of
from batcountry.jobs.kinds import JOB_KINDS, Job, Objects
from batcountry.jobs.messages import Heard, say
from batcountry.jobs.spec import JobSpec

Events = Generator[Event, None, None]
"""What a job tells, which stops when it is closed."""

_MEASURED = 0.02  # share of the work after which the time that is left is measured, and planned before


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
    try:
        job.begin(place)
        return None if place is None else JobFolder.begin(place, job.spec)
    except BaseException:
        if folder is None and place is not None and not (place / JOB).exists():
            shutil.rmtree(place, ignore_errors=True)
        raise


def resume(
    folder: str | Path,
    *,
    policy: Policy = STRICT,
    control: Control | None = None,
    objects: Objects | None = None,
) -> Events:
    """Go on with a job from its folder, and yield what it tells; see `run`.

    Parameters
    ----------
    policy
        What the job may do, as the folder may be somebody else's. Besides, files may be read, and results written, in the
        folder that it lies in and below, and in the working folder and below.

    Raises
    ------
    BatCountryError
        If there is no job in the folder, it is damaged or finished, or what it reads is not what it was begun with.
    """
    return reopen(folder, policy=policy, control=control, objects=objects).events()


def reopen(
    folder: str | Path,
    *,
    policy: Policy = STRICT,
    control: Control | None = None,
    objects: Objects | None = None,
) -> Run:
    """Make a job in a folder ready to go on, and return its run; takes what `resume` takes."""
    place, heard = JobFolder.open(folder_of(Path(folder))), Heard()
    policy = policy.allow(Path.cwd(), place.path.resolve().parent)
    spec, state = place.spec(), place.state()
    for each in spec.outputs.values():
        policy.check_place(each.path)
    if state is not None and state.finished:
        found = ", ".join(state.outputs.values())
        raise JobError(f"the job in {folder} is finished; it is in {found}")
    with heard.hearing():
        job = JOB_KINDS[spec.kind]().prepare(spec, policy, objects or {}, new=False)
    return Run(job, place, control or Control(), policy, heard)


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
        yield Failed(text=str(error), error=type(error).__name__)
    except Exception as error:
        text = f"a fault of the program itself, {type(error).__name__}: {first_line(error)}"
        yield Failed(text=text, error=type(error).__name__)


class Run:
    """One run of a job that is ready.

    Attributes
    ----------
    job
        What is run.
    outputs
        Where its results go, by name; final when it is finished.
    """

    def __init__(
        self, job: Job[Any], folder: JobFolder | None, control: Control, policy: Policy, heard: Heard
    ) -> None:
        self.job, self.folder, self.control, self.policy, self.heard = job, folder, control, policy, heard
        spec = job.spec
        self.outputs: dict[str, Output] = (
            folder.outputs(spec)
            if folder
            else {name: Output(Path(each.path), each.overwrite) for name, each in spec.outputs.items()}
        )
        self.at: Progress | None = None
        self._step: Any = _END
        self.saved = self.begun = time.monotonic()
        self.begun_at: float | None = None
        self.between = False  # steps, where what the next one depends on is whole

    def preview(self, side: int) -> bytes | None:
        """Return a small picture after the last step, a JPEG or PNG; None if there is none."""
        return None if self._step is _END else self.job.preview(self._step, side)

    def events(self) -> Events:
        """Do the work, and yield what it tells; see `run`."""
        pressed = False
        with nullcontext() if self.folder is None else self.folder.alone():
            try:
                yield from self.heard.take()
                yield from self._steps()
                end = self._stopped() if self.control.cancelled else self._finished()
            except KeyboardInterrupt:
                pressed, end = True, self._stopped()
            except GeneratorExit:
                if self.between:
                    self._save()
                raise
        yield from self.heard.take()
        yield end  # when the folder is free again
        if pressed:
            raise KeyboardInterrupt

    def _steps(self) -> Iterator[Event]:
        state = None if self.folder is None else self.folder.state()
        if self.folder is not None and state is not None:
            self.job.load(self.folder.files, state.part)
            self.at = state.at
        files = None if self.folder is None else self.folder.files
        with closing(self.job.steps(files, self.outputs)) as steps:  # type: ignore[type-var]
            timed = self.policy.timed(steps)
            while not self.control.cancelled and (step := self._advance(timed)) is not _END:
                self._remember(step)
                yield from self.heard.take()
                yield self.at  # type: ignore[misc]
                if side := self.control.take_preview():
                    data = self.preview(side)
                    yield from () if data is None else [Preview(side=side, data=data)]
                if self.control.paused:
                    yield from self._pause()

    def _advance(self, steps: Iterator[Any]) -> Any:
        self.between = False
        with self.heard.hearing(), limited_threads(self.job.spec.machine.threads):
            return next(steps, _END)

    def _remember(self, step: Any) -> None:
        self.between, self._step = True, step
        now = time.monotonic()
        at = self.job.progress(step)
        self.at = at.model_copy(update={"seconds_left": self._left(at.done, now)})
        if self.job.is_due(step, now - self.saved):
            self._save()

    def _left(self, done: float, now: float) -> float | None:
        if self.begun_at is None:
            self.begun_at, self.begun = done, now
        since = done - self.begun_at
        if since >= _MEASURED:
            return (now - self.begun) / since * (1 - done)
        return None if self.job.seconds is None else self.job.seconds * (1 - done)

    def _save(self) -> None:
        if self.folder is None:
            return
        try:
            part = self.job.save(self.folder.files)
            self.folder.write_state(JobState(at=self.at, part=part))
            self.job.saved(self.folder.files)
        except OSError as error:
            raise JobError(
                f"the job in {self.folder.path} stopped: {error.strerror or error}; make room and go on from there"
            ) from error
        self.saved = time.monotonic()

    def _pause(self) -> Iterator[Event]:
        self._save()
        yield Message(level="info", text="paused")
        waited = time.monotonic()
        self.control.wait()
        self.begun += time.monotonic() - waited
        self.saved += time.monotonic() - waited

    def _stopped(self) -> Stopped:
        if self.between:
            self._save()
        resumable = self.folder is not None
        found = self.job.stop(self.outputs, resumable=resumable)
        return Stopped(
            at=self.at,
            outputs={name: str(path) for name, path in found.items()},
            counts=dict(self.job.counts),
            folder=None if self.folder is None else str(self.folder.path),
        )

    def _finished(self) -> Done:
        self.between = False
        with self.heard.hearing(), limited_threads(self.job.spec.machine.threads):
            self.job.finish(self.outputs)
        places = {name: str(each.path) for name, each in self.outputs.items()}
        if self.folder is not None and self.job.spec.temporary:
            self.folder.clear()
        elif self.folder is not None:
            self.folder.write_state(JobState(finished=True, at=self.at, outputs=places))
            self.folder.sweep()
        return Done(outputs=places, counts=dict(self.job.counts))


_END = object()
