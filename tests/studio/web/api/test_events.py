"""Events as they come: ids, replay, pings, many viewers, one reader."""

import asyncio
import json
from dataclasses import dataclass

import pytest

from batcountry.errors import StudioError
from batcountry.studio.web.messages import streams
from batcountry.studio.web.messages.streams import EventFeed


@dataclass(frozen=True)
class Row:
    id: int
    kind: str = "job"
    job: str | None = "j"
    data: str = '{"version": 1}'
    time: float = 0.0


class Log:
    """A store of events that counts how often it is read."""

    def __init__(self, count=0, first=1):
        self.rows, self.reads = [Row(id) for id in range(first, count + 1)], 0

    def add(self, **more):
        self.rows.append(Row(self.last() + 1, **more))

    def last(self):
        return self.rows[-1].id if self.rows else 0

    def first(self):
        return self.rows[0].id if self.rows else 0

    def since(self, after, limit):
        self.reads += 1
        return [each for each in self.rows if each.id > after][:limit]


async def taken(stream, count):
    return [await anext(stream) for _ in range(count)]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.002)


@pytest.mark.parametrize(("asked", "after"), [("last", None), ("first", 2), ("since", 2)])
def test_a_stream_ends_without_a_fault_when_the_database_cannot_be_read(asked, after):
    log = Log(3)

    def refuse(*_):
        raise StudioError("the database is gone")

    async def run():
        feed = EventFeed(log)
        stream = feed.stream(after)
        setattr(log, asked, refuse)
        return [text async for text in stream]

    assert "".join(asyncio.run(run())) in ("", "retry: 1000\n\n")


def test_what_happens_comes_with_its_id():
    async def run():
        log, feed = Log(3), None
        feed = EventFeed(log)
        stream = feed.stream(None)
        _, hello = await taken(stream, 2)
        assert hello.startswith("id: 3\nevent: hello\n")
        log.add(kind="progress", data='{"version": 1,\n "done": 0.5}')
        assert await anext(stream) == 'id: 4\nevent: progress\ndata: {"version":1,"done":0.5,"job":"j"}\n\n'
        await feed.close()

    asyncio.run(run())


def test_who_comes_back_gets_what_was_missed():
    async def run():
        feed = EventFeed(Log(5))
        stream = feed.stream(2)
        _, missed = await taken(stream, 2)
        assert [line for line in missed.splitlines() if line.startswith("id")] == ["id: 3", "id: 4", "id: 5"]
        await feed.close()

    asyncio.run(run())


@pytest.mark.parametrize(("first", "after"), [(50, 10), (1, 99)])
def test_who_missed_too_much_or_comes_from_elsewhere_is_told_to_begin_anew(first, after):
    async def run():
        feed = EventFeed(Log(60, first))
        _, reset = await taken(feed.stream(after), 2)
        assert reset == 'id: 60\nevent: reset\ndata: {"version": 1, "last": 60}\n\n'
        await feed.close()

    asyncio.run(run())


def test_when_nothing_happens_a_ping_says_that_the_connection_lives(monkeypatch):
    monkeypatch.setattr(streams, "PING_SECONDS", 0.01)

    async def run():
        feed = EventFeed(Log(1))
        stream = feed.stream(1)
        assert (await taken(stream, 3))[1:] == [": ping\n\n", ": ping\n\n"]
        await feed.close()

    asyncio.run(run())
    assert streams.PING_SECONDS < 15


def test_many_viewers_are_one_reader_of_the_database():
    async def run():
        log = Log(1)
        feed = EventFeed(log)
        viewers = [asyncio.create_task(feed.since(1, 5)) for _ in range(100)]
        await asyncio.sleep(0.05)
        before = log.reads
        await asyncio.sleep(0.05)
        between = log.reads - before
        log.add()
        seen = await asyncio.gather(*viewers)
        assert all([each.id for each in found] == [2] for found in seen)
        assert between < 60  # one in each look, and not one for each viewer
        await feed.close()

    asyncio.run(run())


def test_nobody_reads_when_nobody_waits():
    async def run():
        log = Log(1)
        feed = EventFeed(log)
        assert await feed.since(1, 0) == []
        await asyncio.sleep(0.02)
        before = log.reads
        await asyncio.sleep(0.03)
        assert log.reads == before

    asyncio.run(run())


def test_a_database_that_fails_for_a_while_ends_no_stream(monkeypatch):
    async def run():
        log = Log(1)
        feed = EventFeed(log)
        since, failures = log.since, [StudioError("the studio's database was locked")]

        def failing(*given):
            if failures:
                raise failures.pop()
            return since(*given)

        waiting = asyncio.create_task(feed.since(1, 5))
        await asyncio.sleep(0.01)
        log.since = failing
        log.add()
        assert [each.id for each in await waiting] == [2]
        await feed.close()

    asyncio.run(run())


def test_the_end_of_the_studio_lets_all_go():
    async def run():
        feed = EventFeed(Log(1))
        stream = feed.stream(1)
        await anext(stream)
        waiting = asyncio.create_task(anext(stream, None))
        await asyncio.sleep(0.01)
        await feed.close()
        assert await asyncio.wait_for(waiting, 2) is None

    asyncio.run(run())


def test_more_than_there_is_room_for_are_turned_away(monkeypatch, studio):
    monkeypatch.setattr(streams, "MOST_VIEWERS", 0)
    assert studio.get("/api/v1/events/since?after=0&wait=1").status_code == 503


def test_asking_gives_what_the_stream_gives(studio):
    here = studio.here
    at = here.events.say("settings", {"new": True})
    reply = studio.get(f"/api/v1/events/since?after={at - 1}").json()
    assert reply == {
        "events": [{"id": at, "kind": "settings", "data": {"version": 1, "new": True}}],
        "last": at,
        "reset": False,
    }
    assert studio.get(f"/api/v1/events/since?after={at + 99}").json() == {
        "events": [],
        "last": at,
        "reset": True,
    }


def test_the_stream_is_one_that_no_proxy_holds_back(studio):
    """The first pieces of a stream, read from the application, as a client library would wait for its end."""
    here = studio.here
    at = here.events.say("settings", {"new": True})

    async def first():
        stream = EventFeed(here.events).stream(at - 1)
        return await taken(stream, 2)

    _, news = asyncio.run(first())
    assert news.splitlines()[:2] == [f"id: {at}", "event: settings"]
    assert json.loads(news.splitlines()[2].removeprefix("data: "))["new"] is True


def test_many_who_come_at_once_are_read_for_once(monkeypatch):
    async def run():
        log = Log(3)
        feed = EventFeed(log)
        streams_ = [feed.stream(3) for _ in range(50)]
        for each in streams_:
            await anext(each)
        waiting = [asyncio.create_task(anext(each)) for each in streams_]
        await asyncio.sleep(0.05)
        monkeypatch.setattr(streams, "LOOK_SECONDS", 60)
        await asyncio.sleep(0.05)
        before = log.reads
        log.add()
        assert [each.id for each in await feed.since(3, 0)] == [4]
        assert {text.count("id: 4") for text in await asyncio.gather(*waiting)} == {1}
        await asyncio.gather(*(feed.since(4, 0) for _ in range(50)))
        assert log.reads - before <= 5
        await feed.close()

    asyncio.run(run())


def test_those_who_leave_while_others_wait_disturb_nobody():
    async def run():
        log, feed = Log(1), None
        feed = EventFeed(log)
        for _ in range(20):
            waiting = [asyncio.create_task(feed.since(log.last(), 5)) for _ in range(20)]
            await asyncio.sleep(0.001)
            log.add()
            for each in waiting[::2]:
                each.cancel()
            found = await asyncio.gather(*waiting, return_exceptions=True)
            assert all(len(each) == 1 for each in found[1::2])
        await feed.close()

    asyncio.run(run())
