"""Workers without a server: on another machine that shares the folder and the database, or beside a server that has none."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from batcountry.studio.settings import StudioSettings
from batcountry.studio.store.database import Database
from batcountry.studio.worker.supervisor import Supervisor


def supervise(settings: StudioSettings) -> None:
    """Watch over workers until this process is asked to end by SIGINT or SIGTERM; they store what they have first.

    Raises
    ------
    StudioError
        If the folder or the database cannot be used.
    """
    settings.places.make()
    over = threading.Event()

    def leave(_: int, __: FrameType | None) -> None:
        over.set()

    before = {each: signal.signal(each, leave) for each in (signal.SIGINT, signal.SIGTERM)}
    supervisor = Supervisor(settings, Database(settings.database_url))
    supervisor.start()
    try:
        while not over.wait(0.5):  # a wait without an end hears no signals on Windows
            pass
    finally:
        supervisor.stop()
        for each, handler in before.items():
            signal.signal(each, handler)
