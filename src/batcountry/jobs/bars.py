"""A bar that shows how far a job is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from batcountry.errors import printable
from batcountry.jobs.events import Event
from batcountry.jobs.events import Progress as JobProgress


class EventBar:
    """A bar that is moved by a job's events; see `event_bar`."""

    def __init__(self, progress: Progress, task: TaskID, title: str) -> None:
        self._progress, self._task, self._title = progress, task, title

    def move(self, event: Event) -> None:
        """Show where the job is, if that is what the event tells."""
        if not isinstance(event, JobProgress):
            return
        seconds = event.seconds_left
        left = "" if seconds is None else f"{timedelta(seconds=round(seconds))} left"
        text = escape(printable(f"{event.subject or self._title}: {event}".removesuffix(": ")))
        self._progress.update(self._task, completed=event.done, description=text, left=left)


@contextmanager
def event_bar(title: str = "dreaming", console: Console | None = None) -> Iterator[EventBar]:
    """Show a bar on a console; if none is given, on the terminal's error output, or within a notebook."""
    if console is None:
        # In a notebook rich finds its own way to the page.
        console = Console() if "ipykernel" in sys.modules else Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        TextColumn("{task.percentage:>3.0f} %", table_column=Column(min_width=5)),
        TextColumn("{task.fields[left]}", table_column=Column(min_width=12)),
    )
    with Progress(*columns, console=console, transient=not console.is_terminal) as progress:
        yield EventBar(progress, progress.add_task(escape(printable(title)), total=1.0, left=""), title)


def watched(events: Iterator[Event], title: str = "dreaming") -> Iterator[Event]:
    """Yield a job's events while a bar shows how far it is."""
    with event_bar(title) as bar:
        for event in events:
            bar.move(event)
            yield event
