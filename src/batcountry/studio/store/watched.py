"""What became of the files of a watched folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Delete, delete, insert, select

from batcountry.studio.store.database import Database
from batcountry.studio.store.tables import watched

FileState = Literal["queued", "delivering", "done", "setting_aside", "aside", "skipped"]


@dataclass(frozen=True)
class WatchedFile:
    """A file that was whole once, as it was then.

    Attributes
    ----------
    path
        From the watched folder on, with `/`, as `batcountry.studio.watch.names.quoted` has it.
    size, changed
        In bytes; in nanoseconds, as the file system says.
    sha256
        Of its content.
    state
        `queued` while its job is on; `delivering` and `setting_aside` while it or its result gets its place, named by
        `result`; `done`; `aside` if it was unusable and had to stay; `skipped` if somebody cancelled its job.
    job
        The id of its job.
    result
        Where its result is from the folder of results on, or where the file itself is set aside, quoted as `path` is.
    sentence
        Why it was set aside.
    """

    path: str
    size: int
    changed: int
    sha256: str
    state: FileState
    job: str = ""
    result: str = ""
    sentence: str = ""


class WatchedFiles:
    """The files of one watched folder.

    Parameters
    ----------
    folder
        Tells it from others of the same database.
    """

    def __init__(self, database: Database, folder: str) -> None:
        self.database, self.folder = database, folder

    def all(self) -> dict[str, WatchedFile]:
        """Return all that is known, by path."""
        names = [watched.c[each] for each in WatchedFile.__dataclass_fields__]
        query = select(*names).where(watched.c.folder == self.folder)
        with self.database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return {row["path"]: WatchedFile(**row) for row in rows}

    def put(self, file: WatchedFile) -> None:
        """Remember what is known of a file, in place of what was known before."""
        with self.database.writing() as connection:
            connection.execute(self._deletion(file.path))
            connection.execute(insert(watched).values(folder=self.folder, **vars(file)))

    def forget(self, path: str) -> None:
        """Forget a file, which is new if it is seen again."""
        with self.database.writing() as connection:
            connection.execute(self._deletion(path))

    def _deletion(self, path: str) -> Delete:
        return delete(watched).where(watched.c.folder == self.folder, watched.c.path == path)
