"""Events for all who look: one reader of the database in the process, server-sent events, and the same for who polls."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import anyio.to_thread

from batcountry.errors import StudioError
from batcountry.studio.store.events import StoredEvent

PING_SECONDS = 10.0
"""Without an event for so long, a comment says that the connection is alive."""

LOOK_SECONDS = 0.15
"""From one look into the database to the next, while anybody waits; the more wait, the longer, as telling all takes time."""

CROWD_SECONDS = 0.0025
"""What `LOOK_SECONDS` becomes for each who waits, where that is longer: half a second for 200."""

KEPT = 2000
"""Events that are kept in memory for who comes back."""

MOST_VIEWERS = 2000
"""Connections that wait at once."""

_PAGE = 500


class EventStore(Protocol):
    """What is asked of the store: each is one quick read."""

    def last(self) -> int:
        """Return the newest id, 0 if there is none."""
        ...

    def first(self) -> int:
        """Return the oldest id that is kept, 0 if there is none."""
        ...

    def since(self, after: int, limit: int) -> Sequence[StoredEvent]:
        """Return events of greater ids, oldest first."""
        ...


@dataclass(frozen=True)
class Sent:
    """An event as it is sent.

    Attributes
    ----------
    text
        JSON, in one line.
    """

    id: int
    kind: str
    text: str

    def lines(self) -> str:
        """Return it as an event stream has it."""
        return f"id: {self.id}\nevent: {self.kind}\ndata: {self.text}\n\n"


class Crowded(Exception):
    """More wait than there is room for."""


class EventFeed:
    """Reads new events once for all viewers, and lets them wait.

    Parameters
    ----------
    store
        Read in a thread, and only while anybody waits.
    clock
        In seconds.
    """

    def __init__(self, store: EventStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock = store, clock
        self._kept: deque[Sent] = deque(maxlen=KEPT)
        self._last: int | None = None  # up to where was read
        self._news: asyncio.Future[None] | None = (
            None  # done once there are some, and another put in its place
        )
        self._reading = asyncio.Lock()
        self._reads = 0
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.viewers = 0

    async def last(self) -> int:
        """Return the newest event's id."""
        return await anyio.to_thread.run_sync(self._store.last)

    async def is_lost(self, after: int) -> bool:
        """Whether events that came after one are no longer there, or that one never was: then all has to be looked up anew."""
        if after > await self.last():
            return True
        oldest = await anyio.to_thread.run_sync(self._store.first)
        return oldest > 0 and after + 1 < oldest

    async def since(self, after: int, wait: float, *, reads: bool = True) -> list[Sent]:
        """Return the events that came after one, oldest first and not all of very many; waits for one so many seconds.

        Parameters
        ----------
        reads
            Whether to look first for what came in this very moment; who follows a stream hears of it soon enough.

        Raises
        ------
        Crowded
            If more than `MOST_VIEWERS` wait.
        """
        if self.viewers >= MOST_VIEWERS:
            raise Crowded
        self.viewers += 1
        try:
            if reads or self._last is None:
                await self._read()
            return await self._since(after, self._clock() + wait)
        finally:
            self.viewers -= 1

    async def _since(self, after: int, end: float) -> list[Sent]:
        while True:
            found = await self._found(after)
            left = end - self._clock()
            if found or left <= 0 or self._closed:
                return found
            self._start()
            if self._news is None:
                self._news = asyncio.get_running_loop().create_future()
            if (self._last or 0) <= after and not self._closed:
                await asyncio.wait([self._news], timeout=left)

    async def _found(self, after: int) -> list[Sent]:
        if (self._last or 0) <= after:
            return []
        if self._kept and self._kept[0].id <= after + 1:
            behind = next(
                (place for place, each in enumerate(self._kept) if each.id > after), len(self._kept)
            )
            return list(islice(self._kept, behind, behind + _PAGE))
        return await self._stored(after)

    async def _stored(self, after: int) -> list[Sent]:
        rows = await anyio.to_thread.run_sync(self._store.since, after, _PAGE)
        return [Sent(row.id, row.kind, _one_line(row)) for row in rows]

    async def _read(self) -> None:
        """Read what is new; the first time only up to where the events are. One read is for all who wait for it."""
        asked = self._reads
        async with self._reading:
            if self._reads > asked:  # it was begun since
                return
            self._reads += 1
            if self._last is None:
                self._last = await self.last()
                return
            while news := await self._stored(self._last):
                self._kept.extend(news)
                self._last = news[-1].id
                self._tell()
                if len(news) < _PAGE:
                    return

    def _tell(self) -> None:
        """Let all go on who wait by now."""
        news, self._news = self._news, None
        if news is not None:
            news.set_result(None)

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        while self.viewers and not self._closed:
            try:
                await self._read()
            except StudioError:  # the database is locked, or the disk full: those who wait go on waiting
                await asyncio.sleep(1)
            await asyncio.sleep(max(LOOK_SECONDS, min(1.0, CROWD_SECONDS * self.viewers)))

    async def stream(self, after: int | None) -> AsyncIterator[str]:
        """Yield the text of an event stream from after an event on, or from now on.

        If what came after it is no longer there, an event `reset` comes first, with the id from which the stream goes on.
        """
        at = await self.last() if after is None else after
        yield "retry: 1000\n\n"
        if after is None or await self.is_lost(at):
            at = await self.last()
            kind = "hello" if after is None else "reset"
            yield Sent(at, kind, json.dumps({"version": 1, "last": at})).lines()
        while not self._closed:
            try:
                news = await self.since(at, PING_SECONDS, reads=False)
            except Crowded:
                return
            if news:
                at = news[-1].id
                yield "".join(each.lines() for each in news)
            elif not self._closed:
                yield ": ping\n\n"

    async def close(self) -> None:
        """Let all go who wait, as the studio ends."""
        self._closed = True
        self._tell()
        if self._task is not None:
            self._task.cancel()


def _one_line(row: StoredEvent) -> str:
    """Return an event's JSON with what names it, in one line."""
    data = json.loads(row.data)
    if row.job is not None:
        data.setdefault("job", row.job)
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
