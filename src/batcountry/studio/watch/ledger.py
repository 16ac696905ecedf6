"""What is known of a watched folder's files, in memory and in the database."""

from __future__ import annotations

from pathlib import Path

from batcountry.studio.store.watched import FileState, WatchedFile, WatchedFiles
from batcountry.studio.watch.folder import Signature
from batcountry.studio.watch.names import quoted


class Ledger:
    """What is known of each file. Nobody else changes it while this one is open."""

    def __init__(self, files: WatchedFiles) -> None:
        self._files, self._known = files, files.all()

    def get(self, path: Path) -> WatchedFile | None:
        """Return what is known of a file, by its path from the folder on."""
        return self._known.get(quoted(path))

    def put(self, file: WatchedFile) -> WatchedFile:
        """Remember a file, on the disk when this returns; returns it."""
        self._files.put(file)
        self._known[file.path] = file
        return file

    def forget(self, file: WatchedFile) -> None:
        """Forget a file, which is new if it is seen again."""
        self._files.forget(file.path)
        self._known.pop(file.path, None)

    def within(self, state: FileState) -> list[WatchedFile]:
        """Return the files that are in a state."""
        return [each for each in self._known.values() if each.state == state]


def signature_in(file: WatchedFile) -> Signature:
    """Return how a file was when it was written down."""
    return Signature(file.size, file.changed)
