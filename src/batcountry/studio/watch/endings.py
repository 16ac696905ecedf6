"""What becomes of a watched folder's files when their jobs have ended."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from batcountry.backend.files import is_taken
from batcountry.errors import NotFound
from batcountry.studio.places import StudioFolder
from batcountry.studio.settings import WatchedFolder
from batcountry.studio.store.database import Database
from batcountry.studio.store.job import Job
from batcountry.studio.store.pictures import Filter, Picture, Pictures
from batcountry.studio.store.queue import Queue
from batcountry.studio.store.watched import WatchedFile
from batcountry.studio.watch.folder import Signature, signature_of
from batcountry.studio.watch.ledger import Ledger, signature_in
from batcountry.studio.watch.names import numbered, quoted, unquoted
from batcountry.studio.watch.placing import ASIDE, free_place, put_aside, put_reason, put_result, target_of

log = logging.getLogger("batcountry")

_RETRY = 30.0
"""Seconds, from a failure that is not the file's until it is tried again."""

_PASSES = re.compile(
    r"disk.{0,60}full|no space left|disk quota|\block(ed|s)\b.{0,40}(database|others)|nearly full|input/output error|stale file"
    r"|transport endpoint|host is down|not connected|timed out|remote I/O|too many open files",
    re.IGNORECASE,
)
"""What sentences say of failures that pass, and are no fault of the file: a disk that is full, a network drive that is gone."""


class Endings:
    """Gives results their places, and sets files aside.

    Parameters
    ----------
    keep
        Whether results stay in the studio's gallery, too.
    """

    def __init__(
        self, watch: WatchedFolder, ledger: Ledger, database: Database, places: StudioFolder, *, keep: bool
    ) -> None:
        self.watch, self.ledger, self.places, self.keep = watch, ledger, places, keep
        self.queue, self.pictures = Queue(database), Pictures(database)
        self._clock = database.clock
        self._said: set[str] = set()

    def look(self) -> int:
        """See to all files whose jobs have ended, and return how many are on, or wait for their place."""
        for file in self.ledger.within("setting_aside"):
            self._set_aside(file)
        for file in self.ledger.within("delivering"):
            self._deliver(file)
        on = sum([self._is_on(file) for file in self.ledger.within("queued")])
        return on + len(self.ledger.within("delivering"))

    def refuse(self, path: Path, signature: Signature, sentence: str, sha256: str = "") -> None:
        """Set a file aside that cannot be dreamed, for a reason."""
        target = free_place(self.watch.inputs / ASIDE / path)
        place = quoted(target.relative_to(self.watch.inputs))
        row = WatchedFile(
            quoted(path),
            signature.size,
            signature.changed,
            sha256,
            "setting_aside",
            result=place,
            sentence=sentence,
        )
        self._set_aside(self.ledger.put(row))

    def withdraw(self) -> None:
        """Take back jobs with which nobody has begun, so that their files are looked at anew."""
        for file in self.ledger.within("queued"):
            with suppress(NotFound):
                job = self.queue.get(file.job)
                if job.state != "waiting" or job.begun is not None:
                    continue
                self.queue.wish(file.job, "cancel")
            self._forget(file)

    def _is_on(self, file: WatchedFile) -> bool:
        """Whether a file's job is still on; sees to the file if it has ended."""
        try:
            job = self.queue.get(file.job)
        except NotFound:  # a kill came before it was in the queue
            self._forget(file)
            return False
        if job.state == "done":
            self._finish(file)
        elif job.state == "cancelled":
            self._drop_copy(file)
            self.ledger.put(replace(file, state="skipped"))
            log.info("%s is not dreamed, as its job was cancelled", unquoted(file.path))
        elif job.state in ("failed", "set_aside"):
            return self._failed(file, job)
        return job.state in ("waiting", "running")

    def _failed(self, file: WatchedFile, job: Job) -> bool:
        """See to a file whose job failed; returns whether it is to be tried again."""
        path = unquoted(file.path)
        now = signature_of(self.watch.inputs / path)
        if now is None or now != signature_in(
            file
        ):  # it went or is another by now; the folder says what is there
            self._forget(file)
            return False
        if job.state == "failed" and _PASSES.search(job.sentence):
            self._say(f"{path} waits: {job.sentence}")
            if self._clock() - (job.ended or 0) >= _RETRY:
                self.queue.retry(job.id)
            return True
        self._drop_copy(file)
        self.refuse(path, now, job.sentence, file.sha256)
        return False

    def _finish(self, file: WatchedFile) -> None:
        """Write down where a result goes, and put it there."""
        self._drop_copy(file)
        result = self._result(file)
        if result is None:  # somebody deleted it
            self.ledger.put(replace(file, state="done"))
            return
        self._choose(file, Path(result.file).suffix)

    def _choose(self, file: WatchedFile, suffix: str) -> None:
        wanted = self.watch.outputs / target_of(unquoted(file.path), suffix)
        target, number = wanted, 1
        while is_taken(target) or target.is_symlink():
            number += 1
            target = numbered(wanted, number)
        place = quoted(target.relative_to(self.watch.outputs))
        self._deliver(self.ledger.put(replace(file, state="delivering", result=place)))

    def _deliver(self, file: WatchedFile) -> None:
        result, target = self._result(file), self.watch.outputs / unquoted(file.result)
        source = None if result is None else self.places.file(result.file)
        try:
            if source is not None and not put_result(source, target, keep=self.keep):
                self._choose(file, source.suffix)
                return
        except OSError as error:
            self._say(f"{target} cannot be written, and waits: {error.strerror or error}")
            return
        self.ledger.put(replace(file, state="done"))
        self._said.clear()
        log.info("%s is dreamed: %s", unquoted(file.path), target)
        if result is not None and not self.keep:
            self.pictures.delete(result.id)
            self.pictures.swept(self._clock() + 1)

    def _result(self, file: WatchedFile) -> Picture | None:
        found, _ = self.pictures.page(Filter(job=file.job))
        return next((each for each in found if each.name in ("picture", "film")), None)

    def _set_aside(self, file: WatchedFile) -> None:
        path, place = unquoted(file.path), unquoted(file.result)
        try:
            if (self.watch.inputs / ASIDE).is_symlink():
                raise OSError(f"{ASIDE} is a link")
            put_aside(self.watch.inputs / path, self.watch.inputs / place, file.sentence)
        except OSError as error:
            log.warning(
                "%s cannot be dreamed, and stays where it is: %s (%s)",
                path,
                file.sentence,
                error.strerror or error,
            )
            with suppress(OSError):
                put_reason(self.watch.outputs / ASIDE / path, path.name, file.sentence)
            self.ledger.put(replace(file, state="aside", result=""))
            return
        self.ledger.forget(file)
        log.warning("%s is set aside as %s: %s", path, self.watch.inputs / place, file.sentence)

    def _forget(self, file: WatchedFile) -> None:
        self._drop_copy(file)
        self.ledger.forget(file)

    def _drop_copy(self, file: WatchedFile) -> None:
        """Delete the copy of a file whose name is no text, which its job read."""
        for each in self.places.uploads.glob(f"{file.job}.*"):
            with suppress(OSError):
                each.unlink()

    def _say(self, sentence: str) -> None:
        """Say something that is so for a while, once."""
        if sentence not in self._said:
            self._said.add(sentence)
            log.warning("%s", sentence)
