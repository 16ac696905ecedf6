"""The process of a worker: how it begins, and how it learns that its server is gone."""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import TextIO

from batcountry.errors import BatCountryError
from batcountry.recipe.validation import Checked
from batcountry.studio.settings import StudioSettings

_NICER = 5
"""By how much less a dream is worth than what answers people, on a machine that has too little for both."""

DATABASE_GONE = 3
"""How a worker ends that could not tell the database what became of a job, which is not the job's fault."""


class Orders(Checked):
    """What a worker is told when it is started, as one line on its standard input.

    That stays open as long as its server lives, and is how it learns that it does not.
    """

    settings: StudioSettings
    name: str


def main() -> None:
    """Work as the supervisor says on standard input."""
    faulthandler.enable()
    orders = Orders.model_validate_json(sys.stdin.readline())
    leaving = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: leaving.set())
    threading.Thread(target=_await_end, args=(sys.stdin, leaving), name="server", daemon=True).start()
    os.chdir(orders.settings.places.work)  # jobs may read what lies in the working folder
    with suppress(AttributeError, OSError):  # Windows has no such thing
        os.nice(_NICER)
    logging.getLogger("batcountry").setLevel(logging.INFO)  # jobs' logs have all that is good to know
    from batcountry.studio.worker.claiming import work

    try:
        work(orders.settings, orders.name, leaving)
    except BatCountryError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        os._exit(DATABASE_GONE)
    os._exit(0)  # threads of libraries have nothing left to do


def _await_end(orders: TextIO, leaving: threading.Event) -> None:
    """Wait until the server's end of standard input is closed."""
    orders.read()
    leaving.set()
