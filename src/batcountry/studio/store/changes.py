"""One job's row within a transaction: found, changed, and told of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select, update

from batcountry.errors import NotFound
from batcountry.studio.store.events import tell
from batcountry.studio.store.job import Job
from batcountry.studio.store.tables import jobs

_KEPT_LOG = 64 << 10


def find(connection: Connection, id: str) -> Job:
    """Return a job; raises `NotFound`."""
    row = connection.execute(select(jobs).where(jobs.c.id == id)).mappings().first()
    if row is None:
        raise NotFound("job", id)
    return Job.of(row)


def change(connection: Connection, id: str, now: float, **values: Any) -> Job:
    """Change a job, tell of it, and return it as it is now."""
    connection.execute(update(jobs).where(jobs.c.id == id).values(**values))
    job = find(connection, id)
    data = {"job": id, "state": job.state, "kind": job.kind, "title": job.title, "wish": job.wish}
    tell(connection, "job", {**data, "sentence": job.sentence, "place": job.place}, job=id, now=now)
    return job


def let_go(**values: Any) -> dict[str, Any]:
    """Return what a job has on which no worker works any more, and more values."""
    return {"worker": "", "lease_until": None, "wish": "", "wished": None, **values}


def longer_log(log: str, more: str) -> str:
    """Return a log with more lines, of which the newest are kept."""
    return (log + more.replace("\0", ""))[-_KEPT_LOG:]


def last_place(connection: Connection) -> float:
    """Return the place of the job that would be last in the line."""
    return float(connection.scalar(select(func.max(jobs.c.place))) or 0.0)
