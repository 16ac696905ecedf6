"""The queue as those who ask for work see it: nothing is lost in it, and each change is one step that also tells of it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, func, insert, or_, select, update

from batcountry.errors import StudioFull, WrongState
from batcountry.jobs.spec import JobSpec
from batcountry.studio.places import new_id
from batcountry.studio.store.changes import change, find, last_place, let_go
from batcountry.studio.store.database import Database
from batcountry.studio.store.expecting import expected_start
from batcountry.studio.store.job import ENDED, Job, State, Wish
from batcountry.studio.store.tables import jobs

_SAID: dict[State, str] = {"set_aside": "set aside"}


class Queue:
    """The jobs of a database. What workers do with them is `batcountry.studio.store.leases.Leases`."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def submit(
        self,
        spec: JobSpec,
        *,
        id: str | None = None,
        kind: str | None = None,
        title: str = "",
        picture_from: str = "",
        most: int | None = None,
    ) -> Job:
        """Put a job at the end of the line. When this returns it is on the disk.

        Parameters
        ----------
        id
            From `batcountry.studio.places.new_id`, if the spec's outputs are named for it.
        kind
            What it is to people, if not the spec's kind.
        most
            How many jobs may wait.

        Raises
        ------
        StudioFull
            If as many wait.
        """
        id, now = id or new_id(), self.database.clock()
        with self.database.writing() as connection:
            if most is not None and _waiting(connection) >= most:
                raise StudioFull(
                    f"{most} jobs wait already, which is the most; wait until some are done, or cancel some"
                )
            row = {
                "id": id,
                "kind": kind or spec.kind,
                "title": title,
                "spec": spec.model_dump_json(),
                "place": last_place(connection) + 1,
                "created": now,
                "picture_from": picture_from,
            }
            connection.execute(insert(jobs).values(**row, state="waiting"))
            return change(connection, id, now, state="waiting")

    def get(self, id: str) -> Job:
        """Return a job; raises `NotFound`."""
        with self.database.reading() as connection:
            return find(connection, id)

    def jobs(self, states: Collection[State] = (), *, after: str = "", limit: int = 100) -> list[Job]:
        """Return jobs, the newest first, with `after` those that are older than that one.

        Parameters
        ----------
        states
            Of the jobs; none for all.

        Raises
        ------
        NotFound
            If there is no job `after`.
        """
        query = select(jobs).order_by(jobs.c.created.desc(), jobs.c.id.desc()).limit(limit)
        if states:
            query = query.where(jobs.c.state.in_(states))
        with self.database.reading() as connection:
            if after:
                begin = find(connection, after)
                same = (jobs.c.created == begin.created) & (jobs.c.id < after)
                query = query.where(or_(jobs.c.created < begin.created, same))
            return [Job.of(row) for row in connection.execute(query).mappings()]

    def line(self) -> list[Job]:
        """Return the jobs that wait, the next first."""
        query = select(jobs).where(jobs.c.state == "waiting").order_by(jobs.c.place, jobs.c.id)
        with self.database.reading() as connection:
            return [Job.of(row) for row in connection.execute(query).mappings()]

    def counts(self) -> dict[State, int]:
        """Return how many jobs are in each state that any is in."""
        query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
        with self.database.reading() as connection:
            return dict(connection.execute(query).tuples().all())

    def ahead(self, id: str) -> tuple[int, float | None]:
        """Return a job's place in the line, and the seconds until it begins.

        The place is the number of jobs before it that wait, and 0 for one that does not wait itself. The seconds are None
        as long as nobody knows, and for a job that has ended or is paused. Raises `NotFound`.
        """
        with self.database.reading() as connection:
            return expected_start(connection, find(connection, id), self.database.clock())

    def wish(self, id: str, wish: Wish) -> Job:
        """Cancel or pause a job: at once if no worker has it, else as soon as the worker heeds it.

        Asking again changes nothing.

        Raises
        ------
        NotFound, WrongState
            If there is none, or it has ended, in another way than it is asked to.
        """
        now, end = self.database.clock(), _end_of(wish)
        with self.database.writing() as connection:
            job = find(connection, id)
            if job.state == end or (job.state == "running" and job.wish in (wish, "cancel")):
                return job
            if job.state in ENDED:
                raise WrongState(
                    f"the job is {_shown(job.state)}, so that it cannot be {_shown(end)} any more"
                )
            if job.state == "running":
                return change(connection, id, now, wish=wish, wished=now)
            ended = now if wish == "cancel" else None
            return change(connection, id, now, **let_go(state=end, ended=ended))

    def resume(self, id: str) -> Job:
        """Let a paused job go on; one that is about to pause does not. Raises `NotFound` and `WrongState`."""
        now = self.database.clock()
        with self.database.writing() as connection:
            job = find(connection, id)
            if job.state == "running" and job.wish != "cancel":
                return job if not job.wish else change(connection, id, now, wish="", wished=None)
            if job.state == "waiting":
                return job
            if job.state != "paused":
                raise WrongState(
                    f"the job is {_shown(job.state)}, so that it cannot go on; try it again, or make a new one"
                )
            return change(connection, id, now, state="waiting", ended=None)

    def retry(self, id: str) -> Job:
        """Put a job that failed, was cancelled or set aside at the end of the line, to go on from what it has.

        Raises `NotFound`, and `WrongState` for any other job.
        """
        now = self.database.clock()
        with self.database.writing() as connection:
            job = find(connection, id)
            if job.state not in ("failed", "cancelled", "set_aside"):
                raise WrongState(
                    f"the job is {_shown(job.state)}; only one that failed or was stopped can be tried again"
                )
            fresh = {"deaths": 0, "interruptions": 0, "sentence": "", "ended": None}
            place = last_place(connection) + 1
            return change(connection, id, now, **let_go(state="waiting", place=place, **fresh))

    def move(self, id: str, before: str | None = None) -> Job:
        """Put a job that waits right before another that waits, or with None at the end of the line.

        Raises
        ------
        NotFound, WrongState
            If there is none, or one of them does not wait.
        """
        now = self.database.clock()
        with self.database.writing() as connection:
            for each in filter(None, (id, before)):
                if (job := find(connection, each)).state != "waiting":
                    raise WrongState(f"the job is {_shown(job.state)}, and has no place in the line any more")
            if id == before:
                return find(connection, id)
            place = last_place(connection) + 1 if before is None else _room_before(connection, before, id)
            return change(connection, id, now, place=place)


def _end_of(wish: Wish) -> State:
    return "cancelled" if wish == "cancel" else "paused"


def _shown(state: State) -> str:
    return _SAID.get(state, state)


def _waiting(connection: Connection) -> int:
    query = select(func.count()).select_from(jobs).where(jobs.c.state == "waiting")
    return int(connection.scalar(query) or 0)


def _room_before(connection: Connection, id: str, moved: str) -> float:
    """Return a place between a job and the one before it; where numbers are too close, all get new ones."""
    query = select(jobs.c.id, jobs.c.place).where(jobs.c.state == "waiting", jobs.c.id != moved)
    line = list(connection.execute(query.order_by(jobs.c.place, jobs.c.id)).tuples())
    index = next(n for n, (each, _) in enumerate(line) if each == id)
    place = line[index][1]
    earlier = line[index - 1][1] if index else place - 2
    middle = (earlier + place) / 2
    if earlier < middle < place:
        return middle
    for n, (each, _) in enumerate(line):
        connection.execute(update(jobs).where(jobs.c.id == each).values(place=float(n)))
    return index - 0.5
