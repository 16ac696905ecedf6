"""The files of a folder and of those within, and which of them stand still. Links are not followed."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from batcountry.errors import StudioError

log = logging.getLogger("batcountry")

_UNFINISHED = (
    ".part",
    ".partial",
    ".filepart",
    ".crdownload",
    ".download",
    ".opdownload",
    ".aria2",
    ".tmp",
    ".temp",
    ".!ut",
)
"""How files are named by programs that still write them."""

_OF_THE_SYSTEM = {"thumbs.db", "desktop.ini", "ehthumbs.db"}


@dataclass(frozen=True)
class Signature:
    """How a file is told from one that was changed: its size in bytes, and the time in nanoseconds."""

    size: int
    changed: int


def signature_of(path: Path) -> Signature | None:
    """Return a plain file's signature; None for what is not there, a link, or no plain file."""
    try:
        found = path.lstat()
    except (OSError, ValueError):
        return None
    return Signature(found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


class Folder:
    """A folder that is looked at again and again.

    Parameters
    ----------
    skipped
        Files and folders that do not count, such as one for results.
    """

    def __init__(self, path: Path, skipped: Collection[Path]) -> None:
        self.path = path
        self._skipped = {os.path.realpath(each) for each in skipped}
        self._refused: set[str] = set()

    def files(self) -> dict[Path, Signature]:
        """Return its files, from the folder on, but hidden ones and those that a program names as unfinished.

        Raises
        ------
        StudioError
            If the folder is not there, as a network drive may be.
        """
        if not self.path.is_dir():
            raise StudioError(
                f"the folder {self.path} is not there; nothing is lost, and all goes on when it is back"
            )
        return dict(self._within(Path(os.path.realpath(self.path))))

    def _within(self, top: Path) -> Iterator[tuple[Path, Signature]]:
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                entries = list(os.scandir(folder))
            except OSError as error:
                self._say(folder, error)
                continue
            for entry in entries:
                try:
                    if self._is_left_out(entry):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                        continue
                    found = entry.stat(follow_symlinks=False)
                except OSError:
                    continue  # it went just now
                if stat.S_ISREG(found.st_mode):
                    yield Path(entry.path).relative_to(top), Signature(found.st_size, found.st_mtime_ns)

    def _is_left_out(self, entry: os.DirEntry[str]) -> bool:
        name = entry.name.lower()
        return (
            name.startswith(".")
            or name.endswith(_UNFINISHED)
            or name in _OF_THE_SYSTEM
            or entry.is_symlink()
            or entry.path in self._skipped  # it has no links in it
        )

    def _say(self, folder: Path, error: OSError) -> None:
        if str(folder) not in self._refused:
            self._refused.add(str(folder))
            log.warning("the folder %s cannot be looked into: %s", folder, error.strerror)


class Standing:
    """Since when files stand still."""

    def __init__(self) -> None:
        self._since: dict[Path, tuple[Signature, float]] = {}

    def seconds(self, path: Path, signature: Signature, now: float) -> float:
        """Return for how long a file has been as it is now, as far as it was looked at."""
        known = self._since.get(path)
        if known is None or known[0] != signature:
            self._since[path] = known = (signature, now)
        return now - known[1]

    def keep(self, paths: Collection[Path]) -> None:
        """Forget all files but these."""
        self._since = {path: known for path, known in self._since.items() if path in paths}
