"""Watching a folder: what is whole is put into the queue, a few at a time, so that others of the studio have their turn."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from batcountry.backend.files import sha256_of
from batcountry.errors import BatCountryError, PictureError, printable
from batcountry.studio.places import StudioFolder, new_id
from batcountry.studio.settings import WATCHED, WatchedFolder
from batcountry.studio.store.database import Database
from batcountry.studio.store.queue import Queue
from batcountry.studio.store.watched import FileState, WatchedFile, WatchedFiles
from batcountry.studio.watch.endings import Endings
from batcountry.studio.watch.folder import Folder, Signature, Standing, signature_of
from batcountry.studio.watch.following import FollowedSettings
from batcountry.studio.watch.ledger import Ledger, signature_in
from batcountry.studio.watch.names import is_text, quoted
from batcountry.studio.watch.placing import ASIDE, is_made_from, target_of
from batcountry.studio.watch.specs import media_of, result_suffix, spec_for
from batcountry.studio.watch.whole import is_whole

log = logging.getLogger("batcountry")

_PENDING: tuple[FileState, ...] = ("queued", "delivering", "setting_aside")


@dataclass(frozen=True)
class Patience:
    """How long files are waited for, in seconds.

    Attributes
    ----------
    still
        That a file stands still until it counts as whole.
    broken
        That one stands still which does not end as it should, until it counts as damaged.
    scan
        From one look at the whole folder to the next, where no event tells of a change.
    """

    still: float = 2.0
    broken: float = 30.0
    scan: float = 4.0


class Watcher:
    """Watches one folder; `look` is to be called again and again, by one thread.

    Parameters
    ----------
    key
        Tells the folder from others of the same database.
    keep
        Whether results stay in the studio's gallery, too.
    at_once
        Jobs that may be in the queue at a time.
    make_room
        Is called before a file is put into the queue, and raises `StudioFull` if its result could not be kept.

    Attributes
    ----------
    done
        Whether there was nothing to do at the last look, and no file that is not whole yet.
    """

    def __init__(
        self,
        watch: WatchedFolder,
        database: Database,
        places: StudioFolder,
        settings: FollowedSettings,
        *,
        key: str,
        keep: bool,
        at_once: int = 2,
        patience: Patience | None = None,
        make_room: Callable[[], object] = lambda: None,
    ) -> None:
        self._make_room = make_room
        self.watch, self.settings, self.patience = watch, settings, patience or Patience()
        self.ledger = Ledger(WatchedFiles(database, key))
        self.endings = Endings(watch, self.ledger, database, places, keep=keep)
        self.done = False
        self._queue, self._places, self._at_once = Queue(database), places, at_once
        skipped = [watch.outputs, watch.inputs / ASIDE]
        self._folder = Folder(watch.inputs, skipped if watch.settings is None else [*skipped, watch.settings])
        self._standing, self._ready = Standing(), list[tuple[Path, Signature]]()
        self._next_scan, self._unsettled = 0.0, False

    def look(self, now: float, *, told: bool = False) -> None:
        """Do what there is to do.

        Parameters
        ----------
        now
            In seconds, on a clock that is never put back.
        told
            Whether something was changed in the folder.

        Raises
        ------
        StudioError
            If the folder is not there, or the database cannot be used; the next look goes on.
        OSError
            If a disk cannot be used.
        """
        if self.settings.look():
            self.endings.withdraw()
        on = self.endings.look()
        if told or now >= self._next_scan:
            self._scan(now)
        while self._ready and on < self._at_once:
            self._make_room()
            on += self._begin(*self._ready.pop(0), now)
        self.done = not on and not self._ready and not self._unsettled

    def _scan(self, now: float) -> None:
        """Find the files that stand still and are not known as they are."""
        files = self._folder.files()
        found, self._unsettled = [], False
        for path, signature in files.items():
            known = self.ledger.get(path)
            if known is not None and (known.state in _PENDING or signature_in(known) == signature):
                continue
            if self._standing.seconds(path, signature, now) < self.patience.still:
                self._unsettled = True
            else:
                found.append((path, signature))
        self._standing.keep(files.keys())
        self._ready = sorted(found, key=lambda each: (each[1].changed, each[0]))
        soon = min(self.patience.still / 4, self.patience.scan)
        self._next_scan = now + (soon if self._unsettled else self.patience.scan)

    def _begin(self, path: Path, signature: Signature, now: float) -> bool:
        """Put a file into the queue if it is whole and new; returns whether it is there."""
        place = self.watch.inputs / path
        try:
            if not self._is_whole(place, path, signature, now):
                return False
            digest = sha256_of(place)
        except PictureError as error:
            self.endings.refuse(path, signature, str(error))
            return False
        except OSError:
            self._unsettled = True  # it went just now, or the network did
            return False
        if signature_of(place) != signature or self._is_known(path, signature, digest):
            return False
        try:
            self._submit(path, signature, digest)
        except BatCountryError as error:
            if self.ledger.get(path) is not None:  # it is the queue that cannot be used, not the file
                raise
            self.endings.refuse(path, signature, str(error), digest)
            return False
        return True

    def _is_whole(self, place: Path, path: Path, signature: Signature, now: float) -> bool:
        patient = self._standing.seconds(path, signature, now) < self.patience.broken
        try:
            whole = is_whole(place)
        except PictureError:
            if not patient:
                raise
            whole = False
        self._unsettled = self._unsettled or (patient and not whole)
        return whole or not patient

    def _is_known(self, path: Path, signature: Signature, digest: str) -> bool:
        """Whether a file's content was seen to under its name before, which is written down."""
        known = self.ledger.get(path)
        if known is not None:
            if known.sha256 != digest:
                return False
            self.ledger.put(replace(known, size=signature.size, changed=signature.changed))
            return True
        target = self._result_of(path)
        if target is None or not is_made_from(target, digest):
            return False
        self.ledger.put(WatchedFile(quoted(path), signature.size, signature.changed, digest, "done"))
        log.info("%s was dreamed before: %s", path, target)
        return True

    def _result_of(self, path: Path) -> Path | None:
        """Return where a file's result would be if something is there."""
        try:
            suffix = result_suffix(media_of(self.watch.inputs / path), path)
        except BatCountryError:
            return None
        target = self.watch.outputs / target_of(path, suffix)
        return target if target.is_file() else None

    def _submit(self, path: Path, signature: Signature, digest: str) -> None:
        """Write a file down, and then put its job into the queue, so that a kill in between is seen."""
        id, place, title = new_id(), self.watch.inputs / path, printable(path.as_posix())
        media = media_of(place)
        suffix = result_suffix(media, path)
        if not is_text(place):
            copy = self._places.upload(id, ".copy")
            shutil.copyfile(place, copy)
            place = copy
        output = self._places.result(id, suffix)
        spec = spec_for(place, media, self.settings.now, name=title, sha256=digest, output=output)
        self.ledger.put(
            WatchedFile(quoted(path), signature.size, signature.changed, digest, "queued", job=id)
        )
        self._queue.submit(spec, id=id, kind=WATCHED, title=title)
