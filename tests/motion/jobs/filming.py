"""Films that tests make frame by frame, and stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from batcountry import motion
from batcountry.backend.policy import OPEN, Policy
from batcountry.jobs.control import Control
from batcountry.jobs.events import Progress
from batcountry.jobs.job_run import Run
from batcountry.jobs.runner import begin, reopen
from batcountry.motion.jobs.specs import FILM, video_spec, zoom_spec


class Frames:
    """A film's frames that are finished, one after the other, as progress."""

    def __init__(self, run: Run) -> None:
        self.run, self.events = run, run.events()

    @property
    def film(self) -> Path:
        return self.run.outputs[FILM].path

    def __iter__(self) -> Frames:
        return self

    def __next__(self) -> Progress:
        return next(each for each in self.events if isinstance(each, Progress))

    def close(self) -> None:
        """Cancel it."""
        self.run.control.cancel()
        for _ in self.events:
            pass


def saving_zoom(image: Any, output: Any, *, overwrite: bool = False, **options: Any) -> Frames:
    spec, objects = zoom_spec(image, output, overwrite=overwrite, options=options)
    return Frames(begin(spec, objects=objects, control=Control()))


def saving_video(
    source: Any, output: Any, *, flow: Any = None, overwrite: bool = False, **options: Any
) -> Frames:
    spec, objects = video_spec(source, output, flow=flow, overwrite=overwrite, options=options)
    return Frames(begin(spec, objects=objects, control=Control()))


def resuming(folder: Any, *, flow: Any = None) -> Frames:
    objects = {} if flow is None else {"flow": flow}
    return Frames(reopen(folder, policy=OPEN, objects=objects))


def resume(folder: Any, *, flow: Any = None, policy: Policy = OPEN) -> Path:
    """Go on with a film that this test began itself to its end."""
    return motion.resume(folder, flow=flow, policy=policy)


def stopped(made: Frames, after: int) -> None:
    """Take some frames, and then stop as Ctrl-C does."""
    for _ in range(after):
        next(made)
    made.close()
