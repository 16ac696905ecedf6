"""What the command line shows: events of jobs, warnings and errors."""

from __future__ import annotations

import logging
import sys
from collections.abc import Generator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from batcountry.errors import printable

if TYPE_CHECKING:
    from rich.table import Table

    from batcountry.jobs.events import Done, Event, Message
    from batcountry.jobs.events import Progress as JobProgress


class Stopped(Exception):
    """Ctrl-C while dreaming; the text says how far it came."""


class _Beside:
    """The standard error output as it is at the time; what cannot be written there is lost, and work goes on."""

    @property
    def _stream(self) -> Any:
        return getattr(
            sys.stderr, "rich_proxied_file", sys.stderr
        )  # beneath what catches others' words for a bar

    @property
    def rich_proxied_file(self) -> _Beside:
        """What a console writes to."""
        return self

    def write(self, text: str) -> int:
        """Write a text, if that can be."""
        with suppress(OSError, ValueError, AttributeError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Have it go out, if that can be."""
        with suppress(OSError, ValueError, AttributeError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


err = Console(file=_Beside(), stderr=True, highlight=False, soft_wrap=True)  # type: ignore[arg-type]
"""Progress and notes."""

out = Console(highlight=False, soft_wrap=True)
"""What was done, and where it is."""

answers = Console(highlight=False, soft_wrap=True)
"""What was asked for, by commands that do nothing else; `--quiet` leaves it."""

_errors = Console(file=_Beside(), stderr=True, highlight=False, soft_wrap=True)  # type: ignore[arg-type]


def plain(text: object) -> str:
    """Return a text as it is shown within markup: without markup of its own, and printable."""
    return escape(printable(text))


def be_quiet(quiet: bool = True) -> None:
    """Print nothing more on `err` and `out`, or again."""
    out.quiet = err.quiet = quiet


class Handler(logging.Handler):
    """Shows what the package says on the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        _note(record.getMessage(), warns=record.levelno >= logging.WARNING)


def fail(text: str, code: int = 2) -> int:
    """Print an error on one line and return the exit code."""
    _errors.print(f"[bold red]error:[/] {plain(' '.join(text.split()))}")
    return code


def show(events: Generator[Event, None, None], title: str, hint: str | None = None) -> Done:
    """Show what a job tells until it is done, and return that.

    Parameters
    ----------
    title
        What is at work, such as a picture's name.
    hint
        How to go on if it is stopped and there is no folder to go on from.

    Raises
    ------
    Stopped
        On Ctrl-C; what there is by then is kept, and the text says where.
    """
    from batcountry.cli.stopping import said_of
    from batcountry.jobs import events as told
    from batcountry.jobs.bars import event_bar

    at: JobProgress | None = None
    pressed = False
    with event_bar(title, err) as bar:
        while True:
            try:
                event = events.throw(KeyboardInterrupt()) if pressed else next(events)
                bar.move(event)
                if isinstance(event, told.Progress):
                    at = event
                elif isinstance(event, told.Message):
                    _say(event)
                elif isinstance(event, told.Stopped):
                    raise Stopped(said_of(event, hint))
                elif isinstance(event, told.Done):
                    return event
            except KeyboardInterrupt:
                if pressed:
                    where = "before the first step was finished" if at is None else f"at {at}"
                    again = "and again while the picture so far was written; nothing was written"
                    raise Stopped(f"stopped {where}, {again}") from None
                pressed = True


def _say(message: Message) -> None:
    if message.level == "error":
        fail(message.text)
    else:
        _note(message.text, warns=message.level == "warning")


def _note(text: str, *, warns: bool) -> None:
    err.print(f"{'[yellow]note:[/] ' if warns else ''}{plain(text)}")


def print_table(table: Table) -> None:
    """Print a table, which was asked for, with every name whole, however narrow the screen."""
    Console(file=answers.file, highlight=False, width=max(answers.width, 200)).print(table)
