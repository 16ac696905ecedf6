"""What clients sent: pictures and films, made anew by the server before they are put here."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select

from batcountry.errors import NotFound
from batcountry.studio.store.database import Database
from batcountry.studio.store.job import ENDED
from batcountry.studio.store.tables import jobs, pictures, uploads

_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


@dataclass(frozen=True)
class Upload:
    """Something that a client sent.

    Attributes
    ----------
    file
        From the studio's folder on.
    name
        As the client called it, cleaned, for showing only.
    width, height
        In pixels.
    """

    id: str
    file: str
    name: str
    sha256: str
    width: int
    height: int
    bytes: int
    created: float


class Uploads:
    """The uploads of a database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, upload: Upload) -> Upload:
        """Remember an upload, whose file is there by now."""
        with self.database.writing() as connection:
            connection.execute(insert(uploads).values(**vars(upload)))
        return upload

    def get(self, id: str) -> Upload:
        """Return an upload; raises `NotFound`."""
        with self.database.reading() as connection:
            row = connection.execute(select(uploads).where(uploads.c.id == id)).mappings().first()
        if row is None:
            raise NotFound("upload", id)
        return Upload(**row)

    def used_bytes(self, before: float | None = None) -> int:
        """Return how many bytes all uploads have, or those from before a time."""
        query = select(func.coalesce(func.sum(uploads.c.bytes), 0))
        if before is not None:
            query = query.where(uploads.c.created < before)
        with self.database.reading() as connection:
            return int(connection.scalar(query) or 0)

    def unused(self, before: float, limit: int = 100) -> list[Upload]:
        """Return the oldest uploads from before a time that nothing needs: no job that goes on or ended since, and no picture."""
        query = select(uploads).where(uploads.c.created < before).order_by(uploads.c.created)
        made = select(pictures.c.id).where(pictures.c.job == jobs.c.id).exists()
        needs = jobs.c.state.not_in(ENDED) | (jobs.c.ended >= before) | made
        with self.database.reading() as connection:
            old = connection.execute(query).mappings().all()
            if not old:
                return []
            # Also as guide or mask, whose files the spec names.
            said = connection.execute(select(jobs.c.spec, jobs.c.picture_from).where(needs))
            sources = connection.scalars(select(pictures.c.source).distinct())
            names = {word for row in said for text in row for word in _ID.findall(text or "")}.union(sources)
        return [Upload(**row) for row in old if row["id"] not in names][:limit]

    def forget(self, id: str) -> None:
        """Forget an upload, whose file is to go; raises `NotFound`."""
        with self.database.writing() as connection:
            if not connection.execute(delete(uploads).where(uploads.c.id == id)).rowcount:
                raise NotFound("upload", id)
