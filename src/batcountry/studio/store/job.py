"""A job as the queue has it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from sqlalchemy import RowMapping

from batcountry.jobs.events import Progress, read_event
from batcountry.jobs.spec import JobSpec

State = Literal["waiting", "running", "paused", "done", "failed", "cancelled", "set_aside"]
Wish = Literal["", "cancel", "pause"]

ENDED: frozenset[State] = frozenset({"done", "failed", "cancelled", "set_aside"})
"""States of jobs on which nobody works any more, unless they are tried again."""


@dataclass(frozen=True)
class Job:
    """A job, as it was when it was looked at.

    Attributes
    ----------
    id
        Of the job; its folder and its results are named for it.
    kind
        What it is to people, such as `dream` or `enlarge`; what runs is the spec's own kind.
    title
        What people call it.
    spec_text
        A `JobSpec` as JSON.
    state
        `waiting`, `running`, `paused`; and in the end `done`, `failed`, `cancelled`, or `set_aside`, which
        is for what killed its worker twice.
    place
        Orders those that wait.
    tries
        How often a worker began with it or went on.
    deaths, interruptions
        How often a worker died of it, or with the server, since it last got further.
    worker, lease_until
        Who works on it, and until when others leave it alone.
    wish, wished
        What a running job is to do next: `cancel`, `pause`, or nothing; and since when.
    sentence
        Why it failed or was set aside, and what to do.
    log
        What it said, the newest 64 kB.
    picture_from
        The upload or picture it is made from.
    smaller
        Whether memory was too small, so that it is tried in tiles.
    """

    id: str
    kind: str
    title: str
    spec_text: str
    state: State
    place: float
    created: float
    begun: float | None
    ended: float | None
    tries: int
    deaths: int
    interruptions: int
    worker: str
    lease_until: float | None
    wish: Wish
    wished: float | None
    progress_text: str
    sentence: str
    log: str
    picture_from: str
    smaller: bool

    @classmethod
    def of(cls, row: RowMapping) -> Job:
        """Return the job of a row."""
        renamed = {"spec_text": "spec", "progress_text": "progress"}
        found: dict[str, Any] = {each.name: row[renamed.get(each.name, each.name)] for each in fields(cls)}
        return cls(**found)

    def spec(self) -> JobSpec:
        """Return what is to be done; raises `JobError` if that cannot be read."""
        return JobSpec.read(self.spec_text)

    def progress(self) -> Progress | None:
        """Return how far it was the last time that it told; None before its first step."""
        found = read_event(self.progress_text) if self.progress_text else None
        return found if isinstance(found, Progress) else None
