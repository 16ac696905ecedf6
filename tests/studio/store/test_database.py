"""Transactions are whole, events are seen in their order, and what is wrong with a database is said in a sentence."""

from __future__ import annotations

import sqlite3
import threading

import pytest
from sqlalchemy import text, update

from batcountry.errors import StudioError
from batcountry.jobs.spec import JobSpec
from batcountry.studio.store import database as module
from batcountry.studio.store import events as events_module
from batcountry.studio.store.database import Database
from batcountry.studio.store.events import EventLog
from batcountry.studio.store.queue import Queue
from batcountry.studio.store.tables import counters


def test_what_fails_half_way_leaves_nothing(store):
    store.submit()
    before = store.events.last()
    with pytest.raises(ZeroDivisionError), store.database.writing() as connection:
        events_module.tell(connection, "job", {}, job=None, now=0)
        1 / 0  # noqa: B018
    assert store.events.last() == before == len(store.events.since(0))


def test_who_reads_while_many_write_misses_no_event(store):
    others = [store.again() for _ in range(3)]

    def write(other):
        for _ in range(15):
            other.events.say("settings", {})

    threads = [threading.Thread(target=write, args=(each,)) for each in others]
    for each in threads:
        each.start()
    seen: list[int] = []
    while len(seen) < 45:
        seen += [each.id for each in store.events.since(seen[-1] if seen else 0)]
    for each in threads:
        each.join()
    assert seen == list(range(1, 46)) and store.events.last() == 45


def test_the_newest_events_are_kept(store, monkeypatch):
    monkeypatch.setattr(events_module, "KEPT", 150)
    with store.database.writing() as connection:
        for _ in range(301):
            events_module.tell(connection, "settings", {}, job=None, now=0)
    assert (store.events.first(), store.events.last()) == (151, 301)
    assert [each.id for each in store.events.since(0, limit=2)] == [151, 152]


def test_two_that_make_the_tables_at_once_both_have_them(url):
    made: list[Database] = []
    threads = [threading.Thread(target=lambda: made.append(Database(url))) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(made) == 4 and [EventLog(each).last() for each in made] == [0] * 4
    with made[0].writing() as connection:
        module.tables.metadata.drop_all(connection)
    for each in made:
        each.close()


def test_tables_of_another_version_are_refused(store):
    with store.database.writing() as connection:
        connection.execute(update(counters).where(counters.c.name == "version").values(value=7))
    with pytest.raises(StudioError, match="is of format 7, and this version of bat-country reads 1"):
        store.again()


def test_who_writes_and_does_not_end_keeps_nobody_waiting_for_ever(store, monkeypatch):
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.2)
    other = store.again()
    id = store.submit()
    with store.database.writing():
        with pytest.raises(StudioError, match=r"locked by others for more than 0\.2 s; try again"):
            other.queue.wish(id, "cancel")
        assert other.queue.get(id).state == "waiting"  # who only looks does not wait
    assert other.queue.wish(id, "cancel").state == "cancelled"


@pytest.fixture
def sqlite(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/studio.sqlite")
    yield database, tmp_path / "studio.sqlite"
    database.close()


def test_a_change_is_on_the_disk_before_it_is_said_to_be_done(sqlite):
    with sqlite[0].reading() as connection:
        assert connection.scalar(text("PRAGMA synchronous")) == 2  # FULL
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"


def test_a_database_that_others_hold_is_said_to_be_locked(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.2)
    database = Database(f"sqlite:///{tmp_path}/studio.sqlite")
    holder = sqlite3.connect(tmp_path / "studio.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StudioError, match=r"locked by others for more than 0\.2 s; try again"):
        Queue(database).submit(JobSpec(kind="dream"))
    assert Queue(database).line() == []  # who only looks does not wait
    holder.close()
    Queue(database).submit(JobSpec(kind="dream"))
    database.close()


def test_a_full_disk_is_said_and_what_was_there_stays(sqlite):
    database, _ = sqlite
    queue = Queue(database)
    queue.submit(JobSpec(kind="dream"))
    with database.engine.connect() as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
        connection.execute(
            text(f"PRAGMA max_page_count={pages}")
        )  # of this connection, which the pool hands out again
    with pytest.raises(StudioError, match="is full; make room"):
        for _ in range(50):
            queue.submit(JobSpec(kind="dream", recipe={"layer": "x" * 9000}))
    with database.engine.connect() as connection:
        connection.execute(text("PRAGMA max_page_count=1000000"))
    count = len(queue.line())
    queue.submit(JobSpec(kind="dream"))
    assert len(queue.line()) == count + 1 >= 2


def test_what_is_no_database_is_said_to_be_none(tmp_path):
    (tmp_path / "studio.sqlite").write_bytes(b"no database at all " * 99)
    with pytest.raises(StudioError, match="damaged"):
        Database(f"sqlite:///{tmp_path}/studio.sqlite")


@pytest.mark.parametrize("url", ["nonsense", "nosuch://x/y", "sqlite:////no/such/folder/x.sqlite"])
def test_an_address_that_leads_nowhere_is_refused_in_a_sentence(url):
    with pytest.raises(StudioError, match="database"):
        Database(url)
