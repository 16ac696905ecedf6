"""One job from the queue, from wherever it was: begun, gone on with, or found finished, and what became of it said."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydantic import JsonValue

from batcountry.backend.folders import exclusive_lock
from batcountry.backend.policy import Policy
from batcountry.errors import (
    BatCountryError,
    JobError,
    LeaseLost,
    NotFound,
    StudioError,
    WorkDamaged,
    first_line,
)
from batcountry.jobs.events import Done, Message, Progress, Stopped
from batcountry.jobs.folder import JOB, JobFolder, JobState, exists
from batcountry.jobs.job_run import Run
from batcountry.jobs.runner import begin, reopen
from batcountry.jobs.spec import JobSpec
from batcountry.optim.gradient import is_out_of_memory
from batcountry.studio.moved import at_home, folder_before
from batcountry.studio.places import StudioFolder, to_disk
from batcountry.studio.store.job import Job
from batcountry.studio.store.pictures import NewPicture
from batcountry.studio.worker.results import results_of
from batcountry.studio.worker.small.quick import quick_preview
from batcountry.studio.worker.sweeping import clear, clear_work
from batcountry.studio.worker.telling import Teller

PREVIEW_SIDE = 1024
_PREVIEWS = 0.5  # seconds, from one preview to the next
_TILE = 256
_SAVES = 2.0  # seconds, from one time that a job is stored to the next, if that is quick
_INSIST = 60.0  # seconds, for which it is tried to say to the database what became of a job


class _FolderInUse(StudioError):
    """A worker that lost its lease is still at work in a job's folder."""


def run_job(job: Job, teller: Teller, places: StudioFolder, policy: Policy) -> None:
    """Work on a job until it is done, failed or stopped, and say so in the database.

    Raises
    ------
    LeaseLost
        If another has it by now.
    StudioError
        If the database cannot be told for a minute.
    """
    try:
        job = at_home(job, places)
        with teller:  # which keeps the job, as long as many pieces may take to be on the disk
            outputs = _outputs(job, teller, places, policy)
            results = None if outputs is None else _kept(job, outputs, places)
    except _FolderInUse:
        time.sleep(1)
        results = None
    except Exception as error:
        _failed(job, teller, places, error)
        return
    if results is None:
        _insist(teller, lambda: teller.leases.stopped(job.id, teller.worker))
        return
    _insist(teller, lambda: teller.leases.finish(job.id, teller.worker, results))
    clear_work(job, places)  # as the database says that it is done


def in_tiles(spec: JobSpec) -> JobSpec | None:
    """Return a spec that takes less memory, as gradients are made in tiles; None for one that has no recipe of a dream."""
    inner = spec.recipe.get("dream")
    if isinstance(inner, dict):
        return spec.changed(recipe={**spec.recipe, "dream": _tiled(inner)})
    if spec.kind in ("dream", "dream-on-disk"):
        return spec.changed(recipe=_tiled(spec.recipe))
    return None


def _tiled(recipe: dict[str, JsonValue]) -> dict[str, JsonValue]:
    side = recipe.get("tile")
    return {**recipe, "tile": min(_TILE, side // 2) if isinstance(side, int) and side > 1 else _TILE}


def _outputs(job: Job, teller: Teller, places: StudioFolder, policy: Policy) -> dict[str, str] | None:
    """Run a job from wherever it is, and return where its results are by name; None if it was stopped."""
    folder = JobFolder(places.job(job.id))
    if exists(folder.path / JOB):
        _check_alone(folder.path)
        try:
            state = _state_of(folder, places)
            if state is not None and state.finished:  # by a worker that was killed before it could say so
                _check_there(state.outputs)
                return state.outputs
            return _worked(reopen(folder.path, policy=policy, control=teller.control), teller)
        except WorkDamaged as error:
            teller.say(f"{error}; it begins again")
    clear(job, places)
    spec = job.spec()
    if (data := quick_preview(spec, policy)) is not None:
        teller.show(data)
    machine = spec.machine.model_copy(update={"save_seconds": min(spec.machine.save_seconds, _SAVES)})
    spec = spec.changed(machine=machine)
    return _worked(begin(spec, folder=folder.path, policy=policy, control=teller.control), teller)


def _kept(job: Job, outputs: dict[str, str], places: StudioFolder) -> list[NewPicture]:
    """Return a finished job's results, which are on the disk."""
    results = results_of(outputs, JobFolder(places.job(job.id)).spec(), places, source=job.picture_from)
    for each in results:
        to_disk(places.file(each.file))
    return results


def _state_of(folder: JobFolder, places: StudioFolder) -> JobState | None:
    """Return how far a job is; raises `WorkDamaged` if that cannot be read, as after a power cut, or names other folders."""
    try:
        spec, state = folder.spec(), folder.state()
    except JobError as error:
        raise WorkDamaged(str(error)) from None
    if folder_before(spec, places) != places.path:
        raise WorkDamaged("the studio's folder was moved")
    return state


def _check_there(outputs: dict[str, str]) -> None:
    """Raise `WorkDamaged` if a result is gone."""
    for place in outputs.values():
        if not Path(place).exists():
            raise WorkDamaged(f"the result {place} is not there any more")


def _worked(run: Run, teller: Teller) -> dict[str, str] | None:
    """Do a job's work and tell of it; returns as `_outputs`."""
    previews = _Previews(run, teller)
    for event in run.events():
        if isinstance(event, Progress):
            teller.tell(event)
            previews.after(event)
        elif isinstance(event, Message):
            teller.say(event.text)
        elif isinstance(event, Done):
            return event.outputs
        elif isinstance(event, Stopped):
            return None
    raise StudioError("the job ended without saying how")


def _check_alone(folder: Path) -> None:
    with exclusive_lock(folder, _FolderInUse):
        return


class _Previews:
    """Shows a preview after the first step, at each octave's end, and in between as often as is worth it."""

    def __init__(self, run: Run, teller: Teller) -> None:
        self._run, self._teller, self._shown = run, teller, -_PREVIEWS

    def after(self, step: Progress) -> None:
        """Show how it looks after a step, if that is due."""
        now = time.monotonic()
        innermost = step.where[-1] if step.where else None
        is_end = innermost is not None and innermost.at == innermost.of
        if now - self._shown < _PREVIEWS and not is_end:
            return
        if (data := self._run.preview(PREVIEW_SIDE)) is not None:
            self._teller.show(data)
            self._shown = now


def _failed(job: Job, teller: Teller, places: StudioFolder, error: Exception) -> None:
    """Say why a job ended, or let it try again with less memory."""
    leases, who = teller.leases, (job.id, teller.worker)
    smaller = in_tiles(job.spec()) if is_out_of_memory(error) and not job.smaller else None
    log = teller.rest()
    if smaller is not None:
        clear(job, places)
        text, said = smaller.model_dump_json(), f"{log}memory ran out; it begins again, in tiles\n"
        _insist(teller, lambda: leases.again_smaller(*who, text, said))
        return
    sentence, said = _sentence(error), f"{log}{_told(error)}\n"
    _insist(teller, lambda: leases.fail(*who, sentence, said))


def _sentence(error: Exception) -> str:
    if is_out_of_memory(error) and not isinstance(error, BatCountryError):
        return "memory ran out; make the picture smaller, or try again when other programs have ended"
    if isinstance(error, BatCountryError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'a file'} cannot be used: {error.strerror}; see to that, and try again"
    return (
        f"a fault of the program itself, {type(error).__name__}: {first_line(error)}; the log has more of it"
    )


def _told(error: Exception) -> str:
    """Return what a log says of an error: a fault of ours with where it was raised."""
    if isinstance(error, BatCountryError):
        return str(error)
    return "".join(traceback.format_exception(error))


def _insist(teller: Teller, say: Callable[[], object]) -> None:
    """Say what became of a job, again and again while the database is locked or its disk is full."""
    end = time.monotonic() + _INSIST
    while True:
        try:
            say()
            return
        except (LeaseLost, NotFound):
            raise
        except StudioError:
            if time.monotonic() > end:
                raise
        with suppress(StudioError):
            teller.keep()
        time.sleep(0.5)
