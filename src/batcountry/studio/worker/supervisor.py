"""Starts workers when there is work, sees that they live, and takes back what those had that do not."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

from batcountry.errors import StudioError
from batcountry.studio.settings import StudioSettings
from batcountry.studio.store.database import Database
from batcountry.studio.store.leases import Leases
from batcountry.studio.worker.child import Child
from batcountry.studio.worker.main import DATABASE_GONE
from batcountry.studio.worker.names import is_orphaned
from batcountry.studio.worker.sweeping import sweep

log = logging.getLogger("batcountry")

_LOOK = 0.1
_REAP = 1.0
_SWEEP = 3600.0
_HEEDED = {"cancel": 2.0, "pause": 20.0}
"""Seconds after which a worker is ended that does not heed what it was asked."""

_FROZEN = 30
"""So many looks a second apart at which a worker has not renewed its lease, until it is ended."""

_SHORT = 5.0  # seconds; a worker that ends sooner and took no job is started again later and later
_MOST_DELAY = 30.0
_LEAVING = 12.0


@dataclass
class Slot:
    """A device, and the worker on it if there is one.

    Attributes
    ----------
    failures
        Workers in a row that ended right after they were started.
    not_before
        When the next may be started, on the monotonic clock.
    overdue
        Looks at which the worker's lease had run out.
    """

    device: str
    child: Child | None = None
    failures: int = 0
    not_before: float = 0.0
    overdue: int = 0


@dataclass(frozen=True)
class WorkerStatus:
    """What people see of a worker; `state` is `none`, `idle` or `working`."""

    device: str
    pid: int | None
    state: str


class Supervisor:
    """Watches over the workers of one server, in a thread of its own."""

    def __init__(self, settings: StudioSettings, database: Database) -> None:
        self.settings, self.leases = settings, Leases(database)
        self.slots = [Slot(device) for device in settings.devices or ("",)]
        self._over, self._warm = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._reaped = -_REAP
        self._swept = -_SWEEP

    def start(self) -> None:
        """Begin to watch; at once what was lent to workers that are gone is taken back."""
        self._thread.start()

    def stop(self) -> None:
        """Let all workers store what they have, and end; after some seconds those that do not are ended."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def warm(self) -> None:
        """Have a worker ready for a job that will come, so that it begins at once."""
        self._warm.set()

    def status(self) -> list[WorkerStatus]:
        """Return how the workers are, one for each device."""
        busy = self.leases.holders()
        return [_status(slot, busy) for slot in self.slots]

    def _run(self) -> None:
        while not self._over.wait(_LOOK):
            try:
                self._look()
            except StudioError as error:  # the database is locked or its disk full, which passes
                log.warning("%s", error)
                self._end_stopped()
                self._over.wait(1)
            except Exception:  # whatever it was, without it nobody would watch any more
                log.exception("a fault of the program itself in what watches over the workers")
                self._over.wait(5)
        self._end_all()

    def _look(self) -> None:
        for slot in self.slots:
            if slot.child is not None and slot.child.has_ended:
                self._bury(slot)
        now = time.monotonic()
        if now - self._reaped >= _REAP:
            self._reaped = now
            self._reap()
        if now - self._swept >= _SWEEP:
            self._swept = now
            sweep(self.settings.places, self.leases.database)
        self._start_workers()

    def _start_workers(self) -> None:
        asked = self._warm.is_set()
        self._warm.clear()  # also where a worker is there already, or one would follow it when it has idled
        free = [each for each in self.slots if each.child is None and time.monotonic() >= each.not_before]
        if not free or not (asked or self.leases.is_work()):
            return
        if not any(
            each.child is not None and each.child.name not in self.leases.holders() for each in self.slots
        ):
            free[0].child = Child(self.settings, free[0].device)
            free[0].overdue = 0

    def _bury(self, slot: Slot) -> None:
        """Take back what a worker had that ended, and decide when the next may be started."""
        child = slot.child
        assert child is not None
        code = child.process.wait()
        taken = self.leases.died(child.name, child.end(), blameless=code == DATABASE_GONE)
        failed = code != 0 and not taken and child.seconds < _SHORT
        slot.failures = slot.failures + 1 if failed else 0
        if failed:
            log.warning("a worker could not begin: %s", child.end().strip().splitlines()[-1])
            slot.not_before = time.monotonic() + min(_MOST_DELAY, 0.5 * 2**slot.failures)
        child.close()
        slot.child = None

    def _reap(self) -> None:
        """Take back what is lent to workers that are gone, and end those that do not heed or are frozen."""
        own = {each.child.name: each for each in self.slots if each.child is not None}
        for name in self.leases.holders() - own.keys():
            if is_orphaned(name):
                self.leases.died(name, "the worker ended together with the server\n", blameless=True)
        self.leases.reap(own.keys(), "nothing was heard of the worker any more\n")
        now = self.leases.database.clock()
        for job in self.leases.unheeded(now - min(_HEEDED.values())):
            slot = own.get(job.worker)
            if (
                slot is not None
                and slot.child
                and job.wished
                and now - job.wished > _HEEDED[job.wish or "cancel"]
            ):
                slot.child.kill()
        overdue = self.leases.overdue()
        for name, slot in own.items():
            slot.overdue = slot.overdue + 1 if name in overdue else 0
            if slot.overdue >= _FROZEN and slot.child is not None:
                slot.child.kill()

    def _end_stopped(self) -> None:
        """End workers that somebody stopped, as one that was stopped in a transaction keeps the database from everybody."""
        for slot in self.slots:
            if slot.child is not None and slot.child.is_stopped:
                slot.child.kill()

    def _end_all(self) -> None:
        children = [each for each in self.slots if each.child is not None]
        for slot in children:
            if slot.child is not None:
                slot.child.ask_to_leave()
        end = time.monotonic() + _LEAVING
        while time.monotonic() < end and not all(
            each.child is None or each.child.has_ended for each in children
        ):
            time.sleep(0.05)
        for slot in children:
            if slot.child is not None:
                slot.child.kill()
                slot.child.process.wait()
                try:
                    self.leases.died(slot.child.name, "the server was stopped\n", blameless=True)
                except StudioError as error:
                    log.warning("%s", error)
                slot.child.close()
                slot.child = None


def _status(slot: Slot, busy: set[str]) -> WorkerStatus:
    child = slot.child
    if child is None:
        return WorkerStatus(slot.device, None, "none")
    return WorkerStatus(slot.device, child.process.pid, "working" if child.name in busy else "idle")
