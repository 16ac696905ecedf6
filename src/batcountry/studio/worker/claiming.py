"""A worker's life: it takes jobs until none came for a while, or its server is gone, or it is told to end."""

from __future__ import annotations

import threading
import time

from batcountry.errors import LeaseLost, StudioError
from batcountry.jobs.control import Control
from batcountry.studio.settings import StudioSettings
from batcountry.studio.store.database import Database
from batcountry.studio.store.leases import Leases
from batcountry.studio.worker.running import run_job
from batcountry.studio.worker.small.meanwhile import Meanwhile
from batcountry.studio.worker.small.warming import warm_up
from batcountry.studio.worker.telling import LEASE_SECONDS, Teller

_LOOK = 0.2
_MOST_WAIT = 5.0


def work(settings: StudioSettings, name: str, leaving: threading.Event) -> None:
    """Take jobs and run them, as the worker of a name, until `leaving` is set, none came for a while, or one was paused.

    A process that paused a job ends, so that all its memory is given back; the supervisor starts another when it is needed.

    Raises
    ------
    StudioError
        If the database cannot be opened.
    """
    leases = Leases(Database(settings.database_url))
    if not leases.is_work():
        warm_up()
    meanwhile = Meanwhile(settings)
    try:
        _work(settings, name, leaving, leases, meanwhile)
    finally:
        meanwhile.stop()


def _work(
    settings: StudioSettings, name: str, leaving: threading.Event, leases: Leases, meanwhile: Meanwhile
) -> None:
    idle_since, wait = time.monotonic(), _LOOK
    while not leaving.is_set() and time.monotonic() - idle_since < settings.idle_seconds:
        try:
            job = leases.claim(name, LEASE_SECONDS)
            wait = _LOOK
        except StudioError:  # locked or full, which passes
            job, wait = None, min(_MOST_WAIT, 2 * wait)
        if job is None:
            meanwhile.go_on()
            leaving.wait(wait)
            continue
        meanwhile.stop()
        preview = settings.places.preview(job.id)
        teller = Teller(leases, job.id, name, Control(), leaving, preview=preview)
        try:
            run_job(job, teller, settings.places, settings.policy_for(job.kind))
        except LeaseLost:
            continue  # somebody cancelled it, or another has it
        if teller.wish == "pause":
            return
        idle_since = time.monotonic()
