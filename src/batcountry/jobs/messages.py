"""What the package says while a job works, as events of that job.

Only what is said by the job's own thread is heard, and not handed on to the process's handlers, so that jobs side by side do
not hear each other and nothing is said twice.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from batcountry.jobs.events import Message

log = logging.getLogger("batcountry")

_NUMBERS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


_quiet = threading.local()


@contextmanager
def only_warnings() -> Iterator[None]:
    """Hear nothing of this thread that is only good to know, such as what each of many small dreams takes."""
    before, _quiet.on = getattr(_quiet, "on", False), True
    try:
        yield
    finally:
        _quiet.on = before


class Heard:
    """Messages of one job, until they are taken."""

    def __init__(self) -> None:
        self._records: deque[logging.LogRecord] = deque()

    @contextmanager
    def hearing(self) -> Iterator[None]:
        """Hear what this thread says. If it ends in an error, what was heard is said in the usual way."""
        thread = threading.get_ident()

        def hear(record: logging.LogRecord) -> bool:
            if threading.get_ident() != thread:
                return True
            if record.levelno >= logging.WARNING or not getattr(_quiet, "on", False):
                self._records.append(record)
            return False

        log.addFilter(hear)
        try:
            yield
        except Exception:
            log.removeFilter(hear)
            while self._records:
                log.handle(self._records.popleft())
            raise
        finally:
            log.removeFilter(hear)

    def take(self) -> Iterator[Message]:
        """Yield the messages that were not taken yet."""
        while self._records:
            record = self._records.popleft()
            yield Message(level=_level(record.levelno), text=record.getMessage())


def say(message: Message) -> None:
    """Say a message in the usual way, for who hears no events."""
    log.log(_NUMBERS[message.level], "%s", message.text)


def _level(number: int) -> Literal["info", "warning", "error"]:
    if number >= logging.ERROR:
        return "error"
    return "warning" if number >= logging.WARNING else "info"
