"""What happened, in order, for whoever shows it: written in the transaction that does it, replayed from any id on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, delete, func, insert, select, update

from batcountry.studio.store.database import EVENTS, Database
from batcountry.studio.store.tables import counters, events

KEPT = 20_000
"""So many of the newest events can be replayed."""

_SWEEP = 100  # events, from one time that old ones are deleted to the next

EventKind = Literal["job", "progress", "preview", "picture", "settings", "network"]


@dataclass(frozen=True)
class StoredEvent:
    """Something that happened.

    Attributes
    ----------
    id
        Counts up by one; later events have larger ones, and are never seen before.
    kind
        `job` for a change of a job's state or place, `progress`, `preview`, `picture`, `settings`,
        `network` for a new picture of a `layer`.
    data
        JSON text of an object with `version` 1, and `job` or `picture`, their ids.
    """

    id: int
    kind: str
    job: str | None
    data: str
    time: float


class EventLog:
    """The events of a database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def since(self, after: int, limit: int = 1000) -> list[StoredEvent]:
        """Return the oldest events after an id, at most `limit`."""
        query = select(events).where(events.c.id > after).order_by(events.c.id).limit(limit)
        with self.database.reading() as connection:
            rows = connection.execute(query).all()
        return [StoredEvent(each.id, each.kind, each.job, each.data, each.time) for each in rows]

    def last(self) -> int:
        """Return the newest event's id, 0 if there was none."""
        with self.database.reading() as connection:
            return int(connection.scalar(select(counters.c.value).where(counters.c.name == EVENTS)) or 0)

    def first(self) -> int:
        """Return the id of the oldest event that is kept; who has seen less has to look at everything anew."""
        with self.database.reading() as connection:
            return int(connection.scalar(select(func.min(events.c.id))) or 0)

    def say(self, kind: EventKind, data: Mapping[str, Any], job: str | None = None) -> int:
        """Tell something in a transaction of its own, and return its id."""
        with self.database.writing() as connection:
            return tell(connection, kind, data, job=job, now=self.database.clock())


def tell(
    connection: Connection, kind: EventKind, data: Mapping[str, Any], *, job: str | None, now: float
) -> int:
    """Add an event in a transaction of `Database.writing`, and return its id."""
    mine = counters.c.name == EVENTS
    connection.execute(update(counters).where(mine).values(value=counters.c.value + 1))
    id = int(connection.scalar(select(counters.c.value).where(mine)) or 0)
    text = json.dumps({"version": 1, **data})
    connection.execute(insert(events).values(id=id, job=job, kind=kind, data=text, time=now))
    if id % _SWEEP == 0:
        connection.execute(delete(events).where(events.c.id <= id - KEPT))
    return id
