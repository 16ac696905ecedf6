"""One run of a job: its steps become events, and it is stored as it goes."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

from batcountry.backend.outputs import Output
from batcountry.backend.policy import Policy
from batcountry.backend.threads import limited_threads
from batcountry.errors import JobError, WorkDamaged
from batcountry.jobs.control import Control
from batcountry.jobs.events import Done, Event, Message, Preview, Progress, Stopped
from batcountry.jobs.folder import JobFolder, JobState
from batcountry.jobs.kinds import Job
from batcountry.jobs.messages import Heard, stopped_for_room

Events = Generator[Event, None, None]
"""What a job tells, which stops when it is closed."""

_MEASURED = 0.02  # share of the work after which the time that is left is measured, and planned before


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
        self.loaded = False

    def preview(self, side: int) -> bytes | None:
        """Return a small picture after the last step, a JPEG or PNG; None if there is none."""
        return None if self._step is _END else self.job.preview(self._step, side)

    def events(self) -> Events:
        """Do the work, and yield what it tells; see `run`."""
        try:
            yield from self._events()
        except OSError as error:
            failed = _said(error)
            self._leave(failed)
            raise failed from error
        except Exception as error:
            self._leave(error)
            raise

    def _events(self) -> Events:
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
        self.loaded = True
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
            raise stopped_for_room(self.folder.path, error) from error
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

    def _leave(self, error: Exception) -> None:
        """Let an error say where the work so far is, if there is some, or else leave no folder that nobody named."""
        if self.folder is None or not self.loaded or isinstance(error, WorkDamaged):
            return
        if self.at is not None:
            error.folder = self.folder.path  # type: ignore[attr-defined]
        elif self.job.spec.temporary:
            self.folder.clear(self.job.own_files)

    def _finished(self) -> Done:
        self.between = False
        with self.heard.hearing(), limited_threads(self.job.spec.machine.threads):
            self.job.finish(self.outputs)
        places = {name: str(each.path) for name, each in self.outputs.items()}
        if self.folder is not None and self.job.spec.temporary:
            self.folder.clear(self.job.own_files)
        elif self.folder is not None:
            self.folder.write_state(JobState(finished=True, at=self.at, outputs=places))
            self.folder.sweep(self.job.own_files)
        return Done(outputs=places, counts=dict(self.job.counts))


def _said(error: OSError) -> JobError:
    where = "" if error.filename is None else f", as {error.filename} cannot be used"
    return JobError(f"the work stopped{where}: {error.strerror or error}")


_END = object()
