"""Bars that show how far work is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Column

from batcountry.errors import printable


class Progressing(Protocol):
    """Something that knows what share of the work is done."""

    @property
    def done(self) -> float:
        """From 0 to 1."""
        ...


P = TypeVar("P", bound=Progressing)


def columns() -> tuple[ProgressColumn, ...]:
    """Return what a bar shows: what is done, a bar, percent, and the time that is left."""
    return (
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        TextColumn("{task.percentage:>3.0f} %", table_column=Column(min_width=5)),
        TimeRemainingColumn(table_column=Column(min_width=7)),
        TextColumn("left", table_column=Column(min_width=4)),
    )


def with_bar(steps: Iterable[P], say: Callable[[P], str], title: str = "dreaming") -> Iterator[P]:
    """Yield steps while a bar shows how far they are: on the terminal's error output, or within a notebook.

    Parameters
    ----------
    say
        Where a step is.
    """
    # In a notebook rich finds its own way to the page.
    console = Console() if "ipykernel" in sys.modules else Console(stderr=True)
    with Progress(*columns(), console=console, transient=not console.is_terminal) as progress:
        bar = progress.add_task(escape(printable(title)), total=1.0)
        for step in steps:
            progress.update(bar, completed=step.done, description=escape(printable(f"{title}: {say(step)}")))
            yield step
