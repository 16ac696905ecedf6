"""What the package says while a job works, as events of that job.

Only what is said by the job's own thread is heard, and not handed on to the process's handlers, so that jobs side by side do
not hear each other and nothing is said twice.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from batcountry.errors import JobError
from batcountry.jobs.events import Message

log = logging.getLogger("batcountry")

_NUMBERS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

_USUAL = 1.1  # so many times the memory of work before is no news

_left_out = threading.local()


@contextmanager
def only_warnings() -> Iterator[None]:
    """Hear nothing of this thread that is only good to know, such as what each of many small dreams takes."""
    with leaving_out(lambda record: record.levelno < logging.WARNING):
        yield


@contextmanager
def leaving_out(is_left_out: Callable[[logging.LogRecord], bool]) -> Iterator[None]:
    """Hear of this thread only what is not left out."""
    before, _left_out.by = getattr(_left_out, "by", None), is_left_out
    try:
        yield
    finally:
        _left_out.by = before


class AsUsual:
    """Whether a record says that work takes about as much memory as work before did, which people need not read again."""

    def __init__(self) -> None:
        self._most = 0.0

    def __call__(self, record: logging.LogRecord) -> bool:
        """Take a record; those that say what work takes have its `peak`, in bytes."""
        peak: float | None = getattr(record, "peak", None)
        if peak is None or peak <= self._most:
            return peak is not None
        self._most = _USUAL * peak
        return False


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
            is_left_out = getattr(_left_out, "by", None)
            if is_left_out is None or not is_left_out(record):
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


def stopped_for_room(folder: Path, error: OSError) -> JobError:
    """Return the error of a job in a folder that cannot be stored, as most often the disk is full."""
    return JobError(f"the job in {folder} stopped: {error.strerror or error}; make room and go on from there")


def say(message: Message) -> None:
    """Say a message in the usual way, for who hears no events."""
    log.log(_NUMBERS[message.level], "%s", message.text)


def _level(number: int) -> Literal["info", "warning", "error"]:
    if number >= logging.ERROR:
        return "error"
    return "warning" if number >= logging.WARNING else "info"
