"""The tables. Times are seconds since 1970 in UTC; ids are texts that nobody can guess, but those of events, which count."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

VERSION = 1
"""Of the tables; another is refused."""

metadata = MetaData()

_ID = String(64)

counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""`events`: the id of the newest event; whoever writes holds its row, so that ids are seen in their order.
`gallery`: how often pictures came, went or changed. `version`: of the tables."""

jobs = Table(
    "jobs",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("title", Text, nullable=False, default=""),
    Column("spec", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("place", Double, nullable=False),
    Column("created", Double, nullable=False),
    Column("begun", Double),
    Column("ended", Double),
    Column("tries", Integer, nullable=False, default=0),
    Column("deaths", Integer, nullable=False, default=0),
    Column("interruptions", Integer, nullable=False, default=0),
    Column("died_at", Double, nullable=False, default=0.0),
    Column("worker", String(200), nullable=False, default=""),
    Column("lease_until", Double),
    Column("wish", String(16), nullable=False, default=""),
    Column("wished", Double),
    Column("progress", Text, nullable=False, default=""),
    Column("furthest", Double, nullable=False, default=0.0),
    Column("sentence", Text, nullable=False, default=""),
    Column("log", Text, nullable=False, default=""),
    Column("picture_from", Text, nullable=False, default=""),
    Column("smaller", Boolean, nullable=False, default=False),
    Index("jobs_by_state", "state", "place"),
    Index("jobs_by_time", "created", "id"),
)

events = Table(
    "events",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("job", _ID),
    Column("kind", String(16), nullable=False),
    Column("data", Text, nullable=False),
    Column("time", Double, nullable=False),
)

pictures = Table(
    "pictures",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("job", _ID, ForeignKey("jobs.id"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("file", Text, nullable=False),
    Column("media", String(16), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created", Double, nullable=False),
    Column("network", Text, nullable=False, default=""),
    Column("layer", Text, nullable=False, default=""),
    Column("recipe", Text, nullable=False, default="{}"),
    Column("text", Text, nullable=False, default=""),
    Column("favorite", Boolean, nullable=False, default=False),
    Column("deleted", Double),
    Column("source", Text, nullable=False, default=""),
    Column("shuffle", BigInteger, nullable=False),
    UniqueConstraint("job", "name", name="one_result_of_a_name"),
    # Each has all that a page of the gallery is chosen by, so that no picture is looked at that is not shown.
    Index("pictures_by_time", "deleted", "created", "id"),
    Index("pictures_by_network", "deleted", "network", "created", "id"),
    Index("pictures_by_layer", "deleted", "layer", "created", "id"),
    Index("pictures_by_favor", "deleted", "favorite", "created", "id"),
    Index("pictures_shuffled", "deleted", "shuffle", "id"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("file", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created", Double, nullable=False),
    Index("uploads_by_time", "created", "id"),
)

watched = Table(
    "watched",
    metadata,
    Column("folder", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("job", _ID, nullable=False, default=""),
    Column("result", Text, nullable=False, default=""),
    Column("sentence", Text, nullable=False, default=""),
)
