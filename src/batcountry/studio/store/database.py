"""The connection to the database: whole transactions, on disk when they are said to be, and errors in a sentence."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc, insert, select, update
from sqlalchemy.engine import make_url

from batcountry.errors import StudioError, first_line
from batcountry.studio.store import tables

BUSY_SECONDS = 10.0
"""How long a transaction waits for others, before it is said that the database is locked."""

EVENTS, GALLERY, _VERSION = "events", "gallery", "version"

_FULL = re.compile(r"disk is full|no space left|disk quota|could not extend file", re.IGNORECASE)
_BUSY = re.compile(r"locked|deadlock|lock timeout|lock wait|could not serialize", re.IGNORECASE)
_DAMAGED = re.compile(r"malformed|not a database|disk i/o error", re.IGNORECASE)


class Database:
    """A database with the studio's tables; processes and threads may share it, each process with a value of its own.

    Parameters
    ----------
    url
        As SQLAlchemy takes it. On SQLite each change is on the disk before it is said to be done.
    clock
        Seconds since 1970.

    Raises
    ------
    StudioError
        If it cannot be opened, or has tables of another version.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.engine = _engine(url)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Look at one state of the database; raises `StudioError` if that cannot be."""
        with _said(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Change the database in one step, after all others that write, or not at all if the block raises.

        Raises
        ------
        StudioError
            If the disk is full, or others hold the database for too long.
        """
        with _said(), self._connected() as connection, connection.begin():
            # Whoever has this row writes alone, on whatever database, so that no event is seen before an older one.
            same = tables.counters.c.value
            connection.execute(
                update(tables.counters).where(tables.counters.c.name == EVENTS).values(value=same)
            )
            yield connection

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    def _open(self) -> None:
        """Make the tables if they are not there, and check that they are ours."""
        with self.reading() as connection:
            there = self.engine.dialect.has_table(connection, tables.counters.name)
        if not there:
            self._make()
        with self.reading() as connection:
            version = connection.scalar(_value_of(_VERSION))
        if version != tables.VERSION:
            raise StudioError(
                f"the studio's database is of format {version}, and this version of bat-country reads {tables.VERSION}; "
                "name another folder or database"
            )

    def _connected(self) -> Connection:
        return self.engine.connect().execution_options(writes=True)

    def _make(self) -> None:
        taken = (exc.IntegrityError, exc.ProgrammingError)  # another process made them at the same time
        with _said(), suppress(*taken), self._connected() as connection, connection.begin():
            tables.metadata.create_all(connection)
            values = {EVENTS: 0, GALLERY: 0, _VERSION: tables.VERSION}
            rows = [{"name": name, "value": value} for name, value in values.items()]
            connection.execute(insert(tables.counters), rows)


def _value_of(name: str) -> Any:
    return select(tables.counters.c.value).where(tables.counters.c.name == name)


def _engine(url: str) -> Engine:
    try:
        address = make_url(url)
        if address.get_backend_name() != "sqlite":
            return create_engine(address, pool_pre_ping=True)
        engine = create_engine(address, connect_args={"timeout": BUSY_SECONDS})
    except (exc.ArgumentError, exc.NoSuchModuleError, ImportError) as error:
        raise StudioError(f"the database's address cannot be used: {first_line(error)}") from None
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # or Python's module begins transactions as it likes
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # what was said to be done outlives a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    # One that begins by reading could not begin to write when another has written meanwhile.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _said() -> Iterator[None]:
    """Say the database's errors as sentences."""
    try:
        yield
    except (exc.DBAPIError, exc.TimeoutError) as error:
        raise StudioError(_sentence(str(getattr(error, "orig", None) or error))) from error


def _sentence(text: str) -> str:
    if _FULL.search(text):
        return "the disk with the studio's database is full; make room, and go on"
    if _BUSY.search(text):
        return f"the studio's database was locked by others for more than {BUSY_SECONDS:g} s; try again"
    if _DAMAGED.search(text):
        return "the studio's database is damaged or its disk fails; put a copy of it back, or name another folder"
    lines = text.strip().splitlines()
    return f"the studio's database cannot be used: {lines[0][:300] if lines else 'no reason was given'}"
