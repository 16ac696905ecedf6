"""Databases of both kinds, with a clock that tests set."""

from __future__ import annotations

import pytest

pytest.importorskip("sqlalchemy", reason="needs SQLAlchemy, which the extra `studio` brings")

from batcountry.jobs.spec import JobSpec
from batcountry.studio.store.database import Database
from batcountry.studio.store.events import EventLog
from batcountry.studio.store.leases import Leases
from batcountry.studio.store.pictures import Pictures
from batcountry.studio.store.queue import Queue
from batcountry.studio.store.tables import metadata
from postgres_server import postgres_server


class Clock:
    """Stands still until a test moves it."""

    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


class Store:
    """All that there is of one database."""

    def __init__(self, url, clock):
        self.url, self.clock, self.others = url, clock, []
        self.database = Database(url, clock=clock)
        self.queue, self.leases = Queue(self.database), Leases(self.database)
        self.pictures, self.events = Pictures(self.database), EventLog(self.database)

    def again(self):
        """The same database, as another process has it."""
        self.others.append(Store(self.url, self.clock))
        return self.others[-1]

    def close(self):
        for each in self.others:
            each.close()
        self.database.close()

    def submit(self, title="", kind="dream", **more):
        self.clock.now += 1
        return self.queue.submit(JobSpec(kind=kind), title=title, **more).id

    def line(self):
        return "".join(each.title for each in self.queue.line())

    def state(self, id):
        return self.queue.get(id).state


@pytest.fixture(scope="session")
def postgres():
    with postgres_server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/studio.sqlite"
    return request.getfixturevalue("postgres")


@pytest.fixture
def store(url):
    store = Store(url, Clock())
    yield store
    for each in store.others:
        each.close()
    if not url.startswith("sqlite"):
        with store.database.writing() as connection:
            metadata.drop_all(connection)
    store.close()
