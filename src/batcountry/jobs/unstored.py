"""Work that is too short to be stored and gone on with, told as a job's events all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import TypeVar

from batcountry.backend.outputs import Output
from batcountry.jobs.events import Done, Progress, Stopped
from batcountry.jobs.job_run import Events
from batcountry.jobs.messages import Heard

S = TypeVar("S")


def events_of(
    steps: Iterator[S],
    progress: Callable[[S], Progress],
    outputs: Mapping[str, Output],
    *,
    kept: bool = False,
) -> Events:
    """Do work step by step, and yield what it tells, as `batcountry.jobs.run` does.

    Parameters
    ----------
    progress
        Says how far it is after a step.
    outputs
        Where the results go, by name.
    kept
        Whether what there is of them when it is stopped is of use.
    """
    heard, at, end = Heard(), None, object()
    try:
        with closing(steps):  # type: ignore[type-var]
            while True:
                with heard.hearing():
                    step = next(steps, end)
                yield from heard.take()
                if step is end:
                    break
                at = progress(step)  # type: ignore[arg-type]
                yield at
    except KeyboardInterrupt:
        found = {name: str(each.path) for name, each in outputs.items() if kept and each.path.exists()}
        yield Stopped(at=at, outputs=found)
        raise
    yield Done(outputs={name: str(each.path) for name, each in outputs.items()})
