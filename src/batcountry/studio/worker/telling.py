"""What a worker tells the database while it dreams, by a thread of its own, so that the dream never waits for a disk.

The same thread keeps the lease, and heeds what people wish: a step that takes too long is ended with the process.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from batcountry.backend.files import replace_file
from batcountry.errors import LeaseLost, StudioError
from batcountry.jobs.control import Control
from batcountry.jobs.events import Progress
from batcountry.studio.store.job import Wish
from batcountry.studio.store.leases import Leases

LEASE_SECONDS = 15.0
_RENEWED = 2.0  # seconds, from one time that a lease is renewed to the next
_LOOK = 0.2
_PROGRESS = 0.25
_PATIENCE: dict[str, float] = {"cancel": 0.5, "pause": 10.0, "leave": 10.0}
"""Seconds that a step may go on after it is wished that the job ends."""

ENDED_BY_WISH = 0
"""How the process ends when it does not wait for a step."""


class Teller:
    """Tells of one job, and keeps it.

    Parameters
    ----------
    leaving
        Set when the worker is to end.
    exit
        Ends the process at once.

    Attributes
    ----------
    lost
        Whether another has the job by now.
    """

    def __init__(
        self,
        leases: Leases,
        job: str,
        worker: str,
        control: Control,
        leaving: threading.Event,
        *,
        preview: Path,
        exit: Callable[[int], object] = os._exit,
    ) -> None:
        self.leases, self.job, self.worker, self.control = leases, job, worker, control
        self.wish: Wish | str = ""
        self.lost = False
        self._leaving, self._preview_file, self._exit = leaving, preview, exit
        self._lock = threading.Lock()
        self._progress: Progress | None = None
        self._preview: bytes | None = None
        self._log: list[str] = []
        self._told = self._renewed = 0.0
        self._wished: float | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tell", daemon=True)

    def __enter__(self) -> Teller:
        self._renewed = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def tell(self, progress: Progress) -> None:
        """Tell how far the job is, soon."""
        with self._lock:
            self._progress = progress

    def show(self, preview: bytes) -> None:
        """Show a preview, soon."""
        with self._lock:
            self._preview = preview

    def say(self, line: str) -> None:
        """Add a line to the job's log, soon."""
        with self._lock:
            self._log.append(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")

    def rest(self) -> str:
        """Return what was not yet told of the log, when the thread has ended."""
        with self._lock:
            said, self._log = "".join(self._log), []
        return said

    def keep(self) -> None:
        """Keep the job for longer; raises `StudioError` if the database cannot be told."""
        self.leases.renew(self.worker, LEASE_SECONDS)

    def _run(self) -> None:
        while not self._over.wait(_LOOK):
            with suppress(StudioError):  # the database is locked or full; the next time, then
                self._look()
            self._hurry()
        with suppress(StudioError):
            self._tell()

    def _look(self) -> None:
        now = time.monotonic()
        wishes = self.leases.wishes(self.worker)
        if self.job not in wishes:
            self.lost = True
            self.control.cancel()
            self._wished = self._wished or now
            return
        wish = wishes[self.job] or ("leave" if self._leaving.is_set() else "")
        if wish and wish != self.wish:
            self.wish, self._wished = wish, now
            self.control.cancel()
        if now - self._renewed >= _RENEWED:
            self.keep()
            self._renewed = now
        if now - self._told >= _PROGRESS:
            self._tell()
            self._told = now

    def _tell(self) -> None:
        with self._lock:
            progress, preview, log = self._progress, self._preview, "".join(self._log)
            self._progress = self._preview = None
            self._log = []
        try:
            if progress is not None or log:
                self.leases.progress(self.job, self.worker, progress, log)
            if preview is not None:
                with suppress(OSError):  # a dream needs no preview
                    replace_file(self._preview_file, preview)
                    self.leases.preview(self.job, self.worker)
        except LeaseLost:
            self.lost = True
        except StudioError:
            with self._lock:
                self._log.insert(0, log)
                self._progress = self._progress or progress
            raise

    def _hurry(self) -> None:
        """End the process if a step goes on for too long after it was wished that it ends."""
        if self._wished is None or time.monotonic() - self._wished < _PATIENCE.get(self.wish, 10.0):
            return
        with suppress(StudioError):
            if not self.lost:
                self.leases.stopped(self.job, self.worker)
            self._exit(ENDED_BY_WISH)
