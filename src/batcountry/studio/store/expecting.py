"""When a job will begin, from what runs, what is before it in the line, and how long such jobs took."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from batcountry.studio.store.job import Job
from batcountry.studio.store.tables import jobs

_REMEMBERED = 20  # of each kind, of which the mean is taken


def expected_start(connection: Connection, job: Job, now: float) -> tuple[int, float | None]:
    """Return how many jobs wait before a job, and the seconds until it begins, or None if nobody knows."""
    if job.state != "waiting":
        return 0, 0.0 if job.state == "running" else None
    earlier = (jobs.c.place < job.place) | ((jobs.c.place == job.place) & (jobs.c.id < job.id))
    ahead = list(connection.scalars(select(jobs.c.kind).where(jobs.c.state == "waiting", earlier)))
    running = [Job.of(row) for row in connection.execute(_running()).mappings()]
    if not running:
        return len(ahead), None if ahead else 0.0
    usual = {kind: _usual_seconds(connection, kind) for kind in {*ahead, *(each.kind for each in running)}}
    left = [_seconds_left(each, usual[each.kind], now) for each in running] + [usual[kind] for kind in ahead]
    known = [each for each in left if each is not None]
    return len(ahead), None if len(known) < len(left) else _first_free(known, len(running))


def _running() -> Any:
    return select(jobs).where(jobs.c.state == "running")


def _first_free(seconds: list[float], workers: int) -> float:
    """Return when the first of some workers is free, each taking the next job when it has none."""
    free = [0.0] * workers
    for each in seconds:
        free.sort()
        free[0] += each
    return min(free)


def _seconds_left(job: Job, usual: float | None, now: float) -> float | None:
    progress = job.progress()
    if progress is not None and progress.seconds_left is not None:
        return progress.seconds_left
    return None if usual is None or job.begun is None else max(0.0, usual - (now - job.begun))


def _usual_seconds(connection: Connection, kind: str) -> float | None:
    """Return how long the last jobs of a kind took that were done at the first try."""
    newest = (
        select((jobs.c.ended - jobs.c.begun).label("seconds"))
        .where(jobs.c.kind == kind, jobs.c.state == "done", jobs.c.tries == 1)
        .order_by(jobs.c.ended.desc())
        .limit(_REMEMBERED)
        .subquery()
    )
    found = connection.scalar(select(func.avg(newest.c.seconds)))
    return None if found is None else float(found)
