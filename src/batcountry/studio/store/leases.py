"""The queue as workers see it: a job is lent to one of them for a while, and whoever no longer has it changes nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Table, select, update

from batcountry.errors import LeaseLost
from batcountry.jobs.events import Progress
from batcountry.studio.store.changes import change, find, let_go, longer_log
from batcountry.studio.store.database import Database
from batcountry.studio.store.events import tell
from batcountry.studio.store.job import Job, State, Wish
from batcountry.studio.store.pictures import NewPicture, add_pictures
from batcountry.studio.store.tables import jobs

MOST_DEATHS = 2
"""A job of which so many workers died, without its getting further in between, is set aside."""

MOST_INTERRUPTIONS = 5
"""So is one during which so often worker and server ended together, as when the power is cut or memory ends for all."""

_ASIDE = (
    "the job ended the program that worked on it {times}; it was set aside, and its log says how far it came"
)


class Leases:
    """Jobs lent to workers.

    A worker is named by a text; `Supervisor` names its own so that the name says whose they are.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def claim(self, worker: str, seconds: float) -> Job | None:
        """Lend the next job that waits to a worker for so many seconds, and return it; None if none waits."""
        now = self.database.clock()
        query = (
            select(jobs.c.id, jobs.c.begun).where(jobs.c.state == "waiting").order_by(jobs.c.place, jobs.c.id)
        )
        if not self.is_work():
            return None  # without keeping those who write from writing
        with self.database.writing() as connection:
            row = connection.execute(query.limit(1)).first()
            if row is None:
                return None
            begun = now if row.begun is None else row.begun
            lent = {
                "state": "running",
                "worker": worker,
                "lease_until": now + seconds,
                "tries": jobs.c.tries + 1,
            }
            return change(connection, row.id, now, **lent, begun=begun, wish="", wished=None, sentence="")

    def is_work(self) -> bool:
        """Whether any job waits."""
        with self.database.reading() as connection:
            return (
                connection.execute(select(jobs.c.id).where(jobs.c.state == "waiting").limit(1)).first()
                is not None
            )

    def renew(self, worker: str, seconds: float) -> bool:
        """Lend a worker what it has for longer, from now on; returns whether it has anything."""
        mine = (jobs.c.worker == worker) & (jobs.c.state == "running")
        with self.database.writing() as connection:
            until = self.database.clock() + seconds
            return connection.execute(update(jobs).where(mine).values(lease_until=until)).rowcount > 0

    def wishes(self, worker: str) -> dict[str, Wish]:
        """Return by id the jobs that a worker has, each with what it is to do next."""
        query = select(jobs.c.id, jobs.c.wish).where(jobs.c.worker == worker, jobs.c.state == "running")
        with self.database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def unheeded(self, before: float) -> list[Job]:
        """Return running jobs whose worker was asked for something before a time."""
        query = select(jobs).where(jobs.c.state == "running", jobs.c.wish != "", jobs.c.wished < before)
        with self.database.reading() as connection:
            return [Job.of(row) for row in connection.execute(query).mappings()]

    def overdue(self) -> set[str]:
        """Return the workers that have jobs longer than these were lent."""
        over = (jobs.c.state == "running") & (jobs.c.lease_until < self.database.clock())
        with self.database.reading() as connection:
            return set(connection.scalars(select(jobs.c.worker).where(over)))

    def progress(self, id: str, worker: str, progress: Progress | None, log: str = "") -> None:
        """Tell how far a job is, and add to its log; raises `LeaseLost`."""
        now = self.database.clock()
        with self.database.writing() as connection:
            job = _mine(connection, id, worker)
            values: dict[str, object] = {"log": longer_log(job.log, log)} if log else {}
            if progress is not None:
                values["progress"] = progress.line().strip()
                told = progress.model_dump(mode="json", exclude={"event", "version"})
                tell(connection, "progress", {"job": id, **told}, job=id, now=now)
                if progress.done > _furthest(connection, id):
                    values |= {"furthest": progress.done}
            if values:
                connection.execute(update(jobs).where(jobs.c.id == id).values(**values))

    def preview(self, id: str, worker: str) -> None:
        """Tell that a job has a new preview; raises `LeaseLost`."""
        with self.database.writing() as connection:
            _mine(connection, id, worker)
            tell(connection, "preview", {"job": id}, job=id, now=self.database.clock())

    def finish(self, id: str, worker: str, results: list[NewPicture]) -> Job:
        """Say that a job is done, and put its results into the gallery, each once; raises `LeaseLost`."""
        now = self.database.clock()
        with self.database.writing() as connection:
            _mine(connection, id, worker)
            add_pictures(connection, id, results, now)
            return change(connection, id, now, **let_go(state="done", ended=now, sentence=""))

    def fail(self, id: str, worker: str, sentence: str, log: str = "") -> Job:
        """Say that a job failed, and why; raises `LeaseLost`."""
        now = self.database.clock()
        with self.database.writing() as connection:
            job = _mine(connection, id, worker)
            values = let_go(state="failed", ended=now, sentence=sentence, log=longer_log(job.log, log))
            return change(connection, id, now, **values)

    def again_smaller(self, id: str, worker: str, spec: str, log: str) -> Job:
        """Give a job back for which memory was too small, as `stopped` does, with another spec; raises `LeaseLost`."""
        now = self.database.clock()
        with self.database.writing() as connection:
            job = _mine(connection, id, worker)
            values = _stopped(job, now) | {"spec": spec, "smaller": True, "log": longer_log(job.log, log)}
            return change(connection, id, now, **values)

    def stopped(self, id: str, worker: str) -> Job:
        """Give a job back: cancelled or paused if that is wished by now, else it waits again; raises `LeaseLost`."""
        now = self.database.clock()
        with self.database.writing() as connection:
            return change(connection, id, now, **_stopped(_mine(connection, id, worker), now))

    def died(self, worker: str, log: str = "", *, blameless: bool = False) -> list[Job]:
        """Take back what a worker has that ended; returns the jobs, which wait again or are set aside.

        Parameters
        ----------
        log
            What is known of its end.
        blameless
            Whether it ended with the server, and not of its job.
        """
        return self._take_back((jobs.c.worker == worker), log, blameless=blameless)

    def reap(self, spared: Collection[str] = (), log: str = "") -> list[Job]:
        """Take back what was lent until a time that is over, but from some workers that are known to live."""
        over = (jobs.c.lease_until < self.database.clock()) & jobs.c.worker.not_in(spared)
        return self._take_back(over, log, blameless=False)

    def holders(self) -> set[str]:
        """Return the workers that have jobs."""
        with self.database.reading() as connection:
            return set(connection.scalars(select(jobs.c.worker).where(jobs.c.state == "running")))

    def _take_back(self, which: object, log: str, *, blameless: bool) -> list[Job]:
        query = select(jobs).where(jobs.c.state == "running", which)  # type: ignore[arg-type]
        with self.database.reading() as connection:
            if connection.execute(query.limit(1)).first() is None:
                return []
        with self.database.writing() as connection:
            found = [
                (Job.of(row), row["furthest"], row["died_at"]) for row in connection.execute(query).mappings()
            ]
            return [self._bury(connection, *each, log, blameless=blameless) for each in found]

    def _bury(
        self, connection: Connection, job: Job, furthest: float, died_at: float, log: str, *, blameless: bool
    ) -> Job:
        """Decide what becomes of a job whose worker ended."""
        now = self.database.clock()
        further = furthest > died_at
        blamed = not blameless and not job.wish  # for who heeds nothing is ended
        deaths = (0 if further else job.deaths) + blamed
        interruptions = (0 if further else job.interruptions) + blameless
        state, sentence = _after_death(job, deaths, interruptions)
        counted = {"deaths": deaths, "interruptions": interruptions, "died_at": furthest}
        ended = None if state in ("waiting", "paused") else now
        values = let_go(state=state, sentence=sentence, ended=ended, log=longer_log(job.log, log), **counted)
        return change(connection, job.id, now, **values)


def _after_death(job: Job, deaths: int, interruptions: int) -> tuple[State, str]:
    """Return the state of a job whose worker ended, and what is said of it."""
    if job.wish:
        return _stopped_state(job), ""
    if deaths >= MOST_DEATHS:
        return "set_aside", _ASIDE.format(times="twice")
    if interruptions >= MOST_INTERRUPTIONS:
        return "set_aside", _ASIDE.format(times=f"{interruptions} times, and the server with it")
    return "waiting", ""


def _stopped(job: Job, now: float) -> dict[str, Any]:
    """Return the values of a job that its worker gives back."""
    state = _stopped_state(job)
    return let_go(state=state, ended=now if state == "cancelled" else None)


def _stopped_state(job: Job) -> State:
    """Return the state of a job on which nobody works any more, and which has not ended by itself."""
    if job.wish:
        return "cancelled" if job.wish == "cancel" else "paused"
    return "waiting"


def _mine(connection: Connection, id: str, worker: str) -> Job:
    job = find(connection, id)
    if job.worker != worker or job.state != "running":
        raise LeaseLost(f"the job {id} is not this worker's any more")
    return job


def _furthest(connection: Connection, id: str, table: Table = jobs) -> float:
    return float(connection.scalar(select(table.c.furthest).where(table.c.id == id)) or 0.0)
