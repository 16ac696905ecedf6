"""Steps as CUDA graphs: work on buffers that stay, recorded once and started as a whole.

A step of a dream is hundreds of small pieces of work, and to start each takes longer than the card needs for it.
All graphs of a card share one pool of memory for what lies between a step's buffers, so they must not run beside one
another: `StepGraph.replay` sees to that.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from threading import Lock
from typing import Any, Literal

import torch

StepKind = Literal["plain", "static", "captured"]
"""How steps are run: as Python says each time; on buffers that stay, with nothing read between; or those as graphs."""

_asked: ContextVar[StepKind | None] = ContextVar("batcountry_step_kind", default=None)


def can_record(device: torch.device) -> bool:
    """Whether work on a device can be recorded as a graph, which holds nothing that is read from there or brought there."""
    return device.type == "cuda"


def step_kind(device: torch.device) -> StepKind:
    """Return how steps run on a device: plain on the CPU, captured with CUDA, static elsewhere; or as `steps_run` says."""
    kind = _asked.get() or ("plain" if device.type == "cpu" else "captured")
    return "static" if kind == "captured" and not can_record(device) else kind


@contextmanager
def steps_run(kind: StepKind) -> Iterator[None]:
    """Have the dreams that begin in this block run their steps in a way of one's own, to compare and to measure."""
    token = _asked.set(kind)
    try:
        yield
    finally:
        _asked.reset(token)


class NotCapturedError(Exception):
    """Work that reads from the device, or does something else that no graph can hold."""


class StepGraph:
    """A piece of work as a graph.

    Parameters
    ----------
    work
        What is recorded; it has been run before, so that what is made once is there, and puts its results into tensors
        that were there before.

    Raises
    ------
    NotCapturedError
        If the work cannot be recorded.
    torch.cuda.OutOfMemoryError
        If the card's memory is full.
    """

    def __init__(self, work: Callable[[], object], device: torch.device) -> None:
        self._card = _card(device)
        with self._card.capturing, torch.cuda.device(device), _no_collection():
            self._graph = self._card.captured(work)

    def replay(self) -> None:
        """Start the work once, after all that this thread started before it, and after any other graph of the card."""
        self._card.in_turn(self._graph)


class _Card:
    """What the graphs of one card share."""

    def __init__(self, device: torch.device) -> None:
        self.capturing, self._replaying = Lock(), Lock()
        self._device = device
        self._keeper: Any = None
        self._stream: Any = None  # one for all, as memory that was free on one stream is not on another
        self._last: tuple[torch.cuda.Stream, torch.cuda.Event] | None = None

    def captured(self, work: Callable[[], object]) -> Any:
        """Return work as a graph, in the memory that all share; a graph of nothing much keeps that while others come and go."""
        if self._keeper is None:
            self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
            self._keeper = _captured(lambda: torch.zeros(1, device=self._device), self._stream, None)
        return _captured(work, self._stream, self._keeper.pool())

    def in_turn(self, graph: Any) -> None:
        """Start a graph after the last one, which may have been started on another stream."""
        with self._replaying:
            stream = torch.cuda.current_stream(self._device)
            if self._last is not None and self._last[0] != stream:
                stream.wait_event(self._last[1])
            graph.replay()
            event = self._last[1] if self._last is not None else torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record(stream)
            self._last = stream, event


def let_go(device: torch.device) -> None:
    """Give the memory back that graphs shared and none uses any more, as memory ran out."""
    if device.type == "cuda":
        with _cards_lock:
            _cards.pop(device, None)
        torch.cuda.empty_cache()


_cards: dict[torch.device, _Card] = {}
_cards_lock = Lock()


def _card(device: torch.device) -> _Card:
    with _cards_lock:
        return _cards.setdefault(device, _Card(device))


def _captured(work: Callable[[], object], stream: torch.cuda.Stream, pool: Any) -> Any:
    graph = torch.cuda.CUDAGraph()
    stream.wait_stream(torch.cuda.current_stream())
    try:
        with torch.cuda.stream(stream):
            # Errors of other threads' work on the card are their own.
            graph.capture_begin(pool, capture_error_mode="thread_local")
            _run_and_end(work, graph)
    except torch.cuda.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise NotCapturedError(str(error).splitlines()[0]) from error
    torch.cuda.current_stream().wait_stream(stream)
    return graph


def _run_and_end(work: Callable[[], object], graph: Any) -> None:
    """Run work that is recorded, and end the recording, also of work that went wrong or was interrupted."""
    try:
        work()
    except BaseException:
        with suppress(RuntimeError):  # which says nothing new
            graph.capture_end()
        raise
    graph.capture_end()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python from freeing what lies about while work is recorded, which CUDA may not allow then."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
