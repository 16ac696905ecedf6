"""How a command ends: signals that stop it as Ctrl-C does, and outputs that nobody takes any more."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, TextIO

_STOPPING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
"""Signals that ask a program to end, as far as the system has them; Ctrl-C's is Python's own."""


class StopSignals:
    """Raises `KeyboardInterrupt` on the signals that ask a program to end.

    Attributes
    ----------
    number
        Of the last one; that of Ctrl-C until another comes.
    came
        Whether one came.
    """

    def __init__(self) -> None:
        self.number, self.came = int(signal.SIGINT), False

    def __call__(self, number: int, frame: Any) -> None:  # noqa: ARG002 - as `signal` calls it
        """Take a signal."""
        self.number, self.came = number, True
        raise KeyboardInterrupt

    @property
    def code(self) -> int:
        """What the process leaves with, as shells count: 130 after Ctrl-C, 143 after `kill`."""
        return 128 + self.number


@contextmanager
def stop_signals() -> Iterator[StopSignals]:
    """Take signals that ask a program to end as Ctrl-C is taken; those that are ignored, as by `nohup`, stay so."""
    taker = StopSignals()
    usual = (signal.SIG_DFL, signal.default_int_handler)
    with _handled(taker, [each for each in (signal.SIGINT, *_STOPPING) if signal.getsignal(each) in usual]):
        yield taker


def undisturbed() -> AbstractContextManager[None]:
    """Let no such signal come between while the last words are said."""
    return _handled(signal.SIG_IGN, [signal.SIGINT, *_STOPPING])


@contextmanager
def _handled(handler: Any, signals: Sequence[int]) -> Iterator[None]:
    before = {}
    if threading.current_thread() is threading.main_thread():  # Python takes them in no other
        before = {each: signal.signal(each, handler) for each in signals}
    try:
        yield
    finally:
        for each, usual in before.items():
            signal.signal(each, signal.SIG_DFL if usual is None else usual)


def lost_output() -> OSError | None:
    """Write what still waits for the standard outputs, and return why that cannot be; nothing more goes to such a one then."""
    errors = [_flushed(each) for each in (sys.stderr, sys.stdout)]
    return errors[-1]


def _flushed(stream: TextIO | None) -> OSError | None:
    try:
        if stream is not None:  # it is none if the shell closed it
            stream.flush()
    except OSError as error:
        _silence(stream)
        return error
    return None


def _silence(stream: TextIO | None) -> None:
    """Send nowhere what a stream has, or Python would try once more, and complain, when it ends."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())  # type: ignore[union-attr]
        os.close(nowhere)


def any_text(*streams: TextIO | None) -> None:
    """Have outputs take characters that their encoding lacks, as escapes."""
    for each in streams:
        reconfigure = getattr(each, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
