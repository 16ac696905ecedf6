"""The stages of a film side by side: frames are read and compared ahead of the dream, and stored behind it.

Decoders, flow and encoders work on the processor while a graphics card dreams. What is between two stages is bounded: who
is ahead waits. Where the processor dreams, it has all cores, and each stage waits for the one before.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, Literal, TypeVar

import torch

from batcountry.backend.threads import usable_cpus
from batcountry.jobs.events import Message
from batcountry.jobs.messages import Heard, say

T = TypeVar("T")
U = TypeVar("U")

StageKind = Literal["in turn", "side by side"]

AHEAD, BEHIND = 3, 3
"""How many frames wait for the dream at most, and how many dreamed ones are not stored yet."""

_MOST_WORKERS = 4

_asked: ContextVar[StageKind | None] = ContextVar("batcountry_stage_kind", default=None)


def stage_kind(device: torch.device) -> StageKind:
    """Return how the stages of a film run whose dreams are made on a device, or as `stages_run` says."""
    return _asked.get() or ("in turn" if device.type == "cpu" else "side by side")


@contextmanager
def stages_run(kind: StageKind) -> Iterator[None]:
    """Have the films that begin in this block run their stages in a way of one's own, to compare and to measure."""
    token = _asked.set(kind)
    try:
        yield
    finally:
        _asked.reset(token)


def bytes_in_flight(device: torch.device) -> float:
    """Return the bytes for each pixel of a frame that the stages take beside a dream that they do not wait for."""
    if stage_kind(device) == "in turn":
        return 0.0
    # Ahead: levels, and on the device the frame and how it moved; behind: levels, and twice what the next frame depends on.
    held = AHEAD * (6 + 12 + 12) + BEHIND * (12 + 6 + 24)
    # What flow and encoder work with, measured; a graphics card has none of it in its own memory.
    return held + (0 if device.type == "cuda" else 150 * flow_workers())


def bytes_between(size: tuple[int, int]) -> int:
    """Return what reading, flow, carrying on and encoding take between two dreams on frames of (height, width); measured."""
    return 20_000_000 + 150 * size[0] * size[1]


def flow_workers() -> int:
    """Return how many pairs of frames are compared at once, where several can be: a core is left for each other stage."""
    return max(1, min(_MOST_WORKERS, usable_cpus() - 3))


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


def ahead(items: Generator[T], most: int = AHEAD) -> Generator[T]:
    """Yield what a generator does, which a thread of its own runs, up to so many items ahead.

    Its error is raised, and what it says is said, where they would be without the thread. When this is closed, so is the
    generator, and the thread has ended.
    """
    channel: _Channel[T | Message | _End] = _Channel(most)
    thread = threading.Thread(target=_run_ahead, args=(items, channel), name="film ahead", daemon=True)
    thread.start()
    try:
        while not isinstance(item := channel.take(), _End):
            if isinstance(item, Message):
                say(item)
            else:
                yield item
        if item.error is not None:
            raise item.error
    finally:
        channel.close()
        thread.join()


def _run_ahead(items: Generator[T], channel: _Channel[T | Message | _End]) -> None:
    heard, end = Heard(), _End()
    try:
        with heard.hearing():
            try:
                for item in items:
                    found: list[T | Message | _End] = [*heard.take(), item]
                    if not all(channel.put(each) for each in found):
                        break
            except BaseException as error:  # it is raised where the items are taken
                end = _End(error)
            finally:
                items.close()
            for each in heard.take():
                channel.put(each)
    except BaseException as error:
        end = _End(error)
    channel.put(end)


def together(function: Callable[[T], U], items: Generator[T], workers: int) -> Generator[U]:
    """Yield what a function makes of items, in order, of up to so many at once; with one worker of one after the other."""
    if workers == 1:
        try:
            yield from map(function, items)
        finally:
            items.close()
        return
    pool, pending = ThreadPoolExecutor(workers, "film flow"), deque[Future[U]]()
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


def behind(work: Callable[[T], U], items: Generator[T], most: int = BEHIND) -> Generator[U]:
    """Yield what some work makes of items, which a thread of its own does one after the other while more items come.

    Its error is raised before the next item is asked for, and no more work is done then.

    Parameters
    ----------
    most
        How many items may wait for it.
    """
    pool, pending = ThreadPoolExecutor(1, "film behind"), deque[Future[U]]()
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
