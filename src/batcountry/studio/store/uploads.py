"""What clients sent: pictures and films, made anew by the server before they are put here."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select

from batcountry.errors import NotFound
from batcountry.studio.store.database import Database
from batcountry.studio.store.tables import jobs, uploads


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

    def used_bytes(self) -> int:
        """Return how many bytes all uploads have."""
        with self.database.reading() as connection:
            return int(connection.scalar(select(func.coalesce(func.sum(uploads.c.bytes), 0))) or 0)

    def unused(self, before: float, limit: int = 100) -> list[Upload]:
        """Return the oldest uploads from before a time that no job is made from."""
        # Also as guide or mask, whose files the spec names. That `_` stands for any character does no harm.
        names = jobs.c.spec.like("%" + uploads.c.id + "%") | (jobs.c.picture_from == uploads.c.id)
        query = select(uploads).where(uploads.c.created < before, ~select(jobs.c.id).where(names).exists())
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(uploads.c.created).limit(limit)).mappings().all()
        return [Upload(**row) for row in rows]

    def forget(self, id: str) -> None:
        """Forget an upload, whose file is to go; raises `NotFound`."""
        with self.database.writing() as connection:
            if not connection.execute(delete(uploads).where(uploads.c.id == id)).rowcount:
                raise NotFound("upload", id)
