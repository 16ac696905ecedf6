"""The gallery: results of jobs, to look through, to choose favorites of, and to delete with undo."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, Select, and_, delete, func, insert, or_, select, update

from batcountry.errors import NotFound, StudioError
from batcountry.studio.places import new_id
from batcountry.studio.store.database import GALLERY, Database
from batcountry.studio.store.events import tell
from batcountry.studio.store.tables import counters, pictures

Media = Literal["picture", "film", "pyramid", "sheet"]

_PRIME = 2_147_483_647
"""Orders at random are `shuffle` times an odd number modulo this one, which any database can work out."""


@dataclass(frozen=True)
class NewPicture:
    """A result as its job hands it over.

    Attributes
    ----------
    name
        Of the job's output, such as `picture`; a job has one of a name.
    file
        From the studio's folder on.
    width, height
        In pixels; 0 if it has none.
    recipe
        JSON text, as a note has it.
    source
        The upload or picture it was made from.
    """

    name: str
    file: str
    media: Media
    width: int
    height: int
    bytes: int
    network: str = ""
    layer: str = ""
    recipe: str = "{}"
    source: str = ""

    @property
    def text(self) -> str:
        """What a search looks in, in lower case."""
        return f"{self.network} {self.layer} {self.recipe}".lower()


@dataclass(frozen=True)
class Picture(NewPicture):
    """A result in the gallery; `deleted` says when, None if it is not."""

    id: str = ""
    job: str = ""
    created: float = 0.0
    favorite: bool = False
    deleted: float | None = None

    @classmethod
    def of(cls, row: RowMapping) -> Picture:
        """Return the picture of a row."""
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Filter:
    """Which pictures to list; what is None or empty does not matter.

    Attributes
    ----------
    text
        Words that its recipe has, each somewhere.
    """

    network: str = ""
    layer: str = ""
    favorite: bool | None = None
    text: str = ""
    media: str = ""
    job: str = ""


class Pictures:
    """The pictures of a database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def get(self, id: str, *, deleted: bool = False) -> Picture:
        """Return a picture, with `deleted` also one that is deleted; raises `NotFound`."""
        query = select(pictures).where(pictures.c.id == id)
        with self.database.reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None or (row["deleted"] is not None and not deleted):
            raise NotFound("picture", id)
        return Picture.of(row)

    def page(
        self,
        which: Filter | None = None,
        *,
        order: Literal["newest", "random"] = "newest",
        seed: int = 0,
        cursor: str = "",
        limit: int = 60,
    ) -> tuple[list[Picture], str]:
        """Return some pictures, and a cursor for those that follow, which is empty after the last.

        Parameters
        ----------
        order, seed
            `newest` first; or `random`, which is the same order for the same seed.

        Raises
        ------
        StudioError
            If the cursor is none.
        """
        key = pictures.c.created if order == "newest" else _shuffled(seed)
        chosen = select(pictures.c.id, key.label("key")).where(
            pictures.c.deleted.is_(None), *_conditions(which or Filter())
        )
        few = _after(chosen, key, cursor, descending=order == "newest").limit(limit + 1).subquery()
        query = _sorted(
            select(pictures, few.c.key).join(few, few.c.id == pictures.c.id),
            few.c.key,
            few.c.id,
            descending=order == "newest",
        )
        with self.database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        shown = rows[:limit]
        more = f"{shown[-1]['key']!r}:{shown[-1]['id']}" if len(rows) > limit else ""
        return [Picture.of(row) for row in shown], more

    def version(self) -> int:
        """Return a number that is another one after each change of the gallery."""
        with self.database.reading() as connection:
            return int(connection.scalar(select(counters.c.value).where(counters.c.name == GALLERY)) or 0)

    def count(self, which: Filter | None = None) -> int:
        """Return how many pictures there are."""
        query = select(func.count()).select_from(pictures)
        with self.database.reading() as connection:
            found = connection.scalar(
                query.where(pictures.c.deleted.is_(None), *_conditions(which or Filter()))
            )
        return int(found or 0)

    def values(self, field: Literal["network", "layer"]) -> list[str]:
        """Return the networks or layers that there are pictures of, sorted."""
        column = pictures.c[field]
        query = select(column).where(pictures.c.deleted.is_(None), column != "").distinct().order_by(column)
        with self.database.reading() as connection:
            return list(connection.scalars(query))

    def favor(self, id: str, favorite: bool) -> Picture:
        """Make a picture a favorite, or not; raises `NotFound`."""
        return self._change(id, favorite=favorite)

    def delete(self, id: str) -> Picture:
        """Delete a picture, until it is restored or swept away; raises `NotFound`."""
        return self._change(id, deleted=self.database.clock())

    def restore(self, id: str) -> Picture:
        """Take a deleted picture back; one that is not deleted stays as it is. Raises `NotFound`."""
        return self._change(id, deleted=None)

    def used_bytes(self) -> int:
        """Return how many bytes all pictures have, also those that are deleted but not swept away."""
        with self.database.reading() as connection:
            return int(connection.scalar(select(func.coalesce(func.sum(pictures.c.bytes), 0))) or 0)

    def swept(self, before: float, limit: int = 100) -> list[Picture]:
        """Forget pictures that were deleted before a time, at most `limit`, and return them: their files are to go."""
        query = select(pictures).where(pictures.c.deleted < before).order_by(pictures.c.deleted).limit(limit)
        with self.database.writing() as connection:
            found = [Picture.of(row) for row in connection.execute(query).mappings()]
            connection.execute(delete(pictures).where(pictures.c.id.in_([each.id for each in found])))
        return found

    def oldest(self, limit: int = 1) -> list[Picture]:
        """Return the oldest pictures that are no favorites, which a quota takes first."""
        query = select(pictures).where(pictures.c.deleted.is_(None), pictures.c.favorite.is_(False))
        with self.database.reading() as connection:
            rows = (
                connection.execute(query.order_by(pictures.c.created, pictures.c.id).limit(limit))
                .mappings()
                .all()
            )
        return [Picture.of(row) for row in rows]

    def _change(self, id: str, **values: Any) -> Picture:
        with self.database.writing() as connection:
            connection.execute(update(pictures).where(pictures.c.id == id).values(**values))
            row = connection.execute(select(pictures).where(pictures.c.id == id)).mappings().first()
            if row is None:
                raise NotFound("picture", id)
            _tell(connection, row, self.database.clock())
        return Picture.of(row)


def add_pictures(connection: Connection, job: str, results: list[NewPicture], now: float) -> list[str]:
    """Add a job's results in a transaction of `Database.writing`, each of a name once, and return all ids that it has."""
    there = {
        row.name: row.id
        for row in connection.execute(select(pictures.c.name, pictures.c.id).where(pictures.c.job == job))
    }
    for result in results:
        if result.name in there:
            continue
        there[result.name] = new_id()
        row = {**vars(result), "id": there[result.name], "job": job, "created": now, "text": result.text}
        connection.execute(insert(pictures).values(**row, favorite=False, shuffle=secrets.randbelow(_PRIME)))
        _tell(connection, row, now)
    return list(there.values())


def _tell(connection: Connection, row: Any, now: float) -> None:
    counted = update(counters).where(counters.c.name == GALLERY).values(value=counters.c.value + 1)
    connection.execute(counted)
    data = {
        "picture": row["id"],
        "favorite": bool(row.get("favorite")),
        "deleted": row.get("deleted") is not None,
    }
    tell(connection, "picture", {**data, "job": row["job"]}, job=row["job"], now=now)


def _conditions(which: Filter) -> list[Any]:
    conditions: list[Any] = []
    for name in ("network", "layer", "media", "job"):
        if value := getattr(which, name):
            conditions.append(pictures.c[name] == value)
    if which.favorite is not None:
        conditions.append(pictures.c.favorite.is_(which.favorite))
    conditions += [
        pictures.c.text.contains(word, autoescape=True) for word in which.text.lower().split()[:20]
    ]
    return conditions


def _shuffled(seed: int) -> Any:
    times = 2 * (seed % (1 << 29)) + 1
    return (pictures.c.shuffle * times + seed % _PRIME) % _PRIME


def _after(query: Select[Any], key: Any, cursor: str, *, descending: bool) -> Select[Any]:
    id = pictures.c.id
    if cursor:
        said, _, last = cursor.partition(":")
        try:
            value = float(said) if descending else int(said)
        except ValueError:
            raise StudioError("the place in the gallery cannot be read; begin at its top") from None
        further = key < value if descending else key > value
        query = query.where(or_(further, and_(key == value, id < last if descending else id > last)))
    return _sorted(query, key, id, descending=descending)


def _sorted(query: Select[Any], key: Any, id: Any, *, descending: bool) -> Select[Any]:
    return query.order_by(key.desc(), id.desc()) if descending else query.order_by(key, id)
