"""Stages of work side by side: what comes before is made ahead, and what comes after is done behind.

What is between two stages is bounded: who is ahead waits. Nothing goes on when the work ends, however it ends.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

log = logging.getLogger("batcountry")

T = TypeVar("T")
U = TypeVar("U")


class _Channel(Generic[T]):
    """A bounded queue between two threads, which either may close."""

    def __init__(self, most: int) -> None:
        self._items: deque[T] = deque()
        self._most, self._closed = most, False
        self._changed = threading.Condition()

    def put(self, item: T) -> bool:
        """Add an item when there is room; returns False if nobody takes any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self._most)
            if not self._closed:
                self._items.append(item)
                self._changed.notify_all()
            return not self._closed

    def take(self) -> T:
        """Return the next item when there is one."""
        with self._changed:
            # In pieces, as Ctrl-C does not end a wait on every system.
            while not self._items:
                self._changed.wait(0.5)
            self._changed.notify_all()
            return self._items.popleft()

    def close(self) -> None:
        """Take nothing any more."""
        with self._changed:
            self._closed = True
            self._items.clear()
            self._changed.notify_all()


class _End:
    """What comes after the last item: an error, or nothing."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(items: Generator[T], most: int = 2) -> Generator[T]:
    """Yield what a generator does, which a thread of its own runs, up to so many items ahead.

    Its error is raised, and what it says is said, where they would be without the thread. When this is closed, so is the
    generator, and the thread has ended.
    """
    channel: _Channel[T | logging.LogRecord | _End] = _Channel(most)
    thread = threading.Thread(target=_run_ahead, args=(items, channel), name="ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := channel.take(), _End):
            if isinstance(item, logging.LogRecord):
                item.thread = threading.get_ident()
                log.handle(item)
            else:
                yield item
        if item.error is not None:
            raise item.error
    finally:
        channel.close()
        thread.join()


def _run_ahead(items: Generator[T], channel: _Channel[T | logging.LogRecord | _End]) -> None:
    end = _End()
    with _said_into(channel):
        try:
            for item in items:
                if not channel.put(item):
                    break
        except BaseException as error:  # it is raised where the items are taken
            end = _End(error)
        finally:
            items.close()
    channel.put(end)


@contextmanager
def _said_into(channel: _Channel[T | logging.LogRecord | _End]) -> Iterator[None]:
    """Have what this thread says said by who takes the items, as a job hears its own thread alone."""
    thread = threading.get_ident()

    def hear(record: logging.LogRecord) -> bool:
        if threading.get_ident() != thread:
            return True
        channel.put(record)
        return False

    log.addFilter(hear)
    try:
        yield
    finally:
        log.removeFilter(hear)


def together(function: Callable[[T], U], items: Generator[T], workers: int) -> Generator[U]:
    """Yield what a function makes of items, in order, of up to so many at once; with one worker of one after the other."""
    if workers == 1:
        try:
            yield from map(function, items)
        finally:
            items.close()
        return
    pool, pending = ThreadPoolExecutor(workers, "together"), deque[Future[U]]()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        items.close()


def behind(work: Callable[[T], U], items: Generator[T], most: int = 2) -> Generator[U]:
    """Yield what some work makes of items, which a thread of its own does one after the other while more items come.

    Its error is raised before the next item is asked for, and no more work is done then.

    Parameters
    ----------
    most
        How many items may wait for it.
    """
    pool, pending = ThreadPoolExecutor(1, "behind"), deque[Future[U]]()
    failed = threading.Event()

    def worked(item: T) -> U:
        if failed.is_set():
            raise InterruptedError
        try:
            return work(item)
        except BaseException:
            failed.set()
            raise

    end = _End()
    try:
        while (item := _next(items, end)) is not end:
            pending.append(pool.submit(worked, item))  # type: ignore[arg-type]
            while pending and (len(pending) > most or failed.is_set() or pending[0].done()):
                yield pending.popleft().result()
        while pending:  # also after an error: what came before it is whole
            yield pending.popleft().result()
        if end.error is not None:
            raise end.error
    finally:
        pool.shutdown(cancel_futures=True)
        items.close()


def _next(items: Generator[T], end: _End) -> T | _End:
    """Return the next item, or the end, which has the error if it is one."""
    try:
        return next(items, end)
    except Exception as error:  # it is raised when the items before it are worked on
        end.error = error
        return end
