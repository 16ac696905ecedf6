"""Jobs that tests run step by step, and stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from batcountry import jobs
from batcountry.backend.outputs import Output
from batcountry.backend.policy import OPEN
from batcountry.dreams.prepare import prepare
from batcountry.jobs.dream_specs import dream_spec
from batcountry.jobs.events import Progress
from batcountry.jobs.job_run import Run
from batcountry.jobs.runner import begin, reopen


class Steps:
    """A run's iterations that were finished, one after the other."""

    def __init__(self, run: Run) -> None:
        self.run, self.events = run, run.events()

    @property
    def folder(self) -> Path:
        return self.run.folder.path

    def output(self, name: str = "picture") -> Path:
        return self.run.outputs[name].path

    def __iter__(self) -> Steps:
        return self

    def __next__(self) -> Progress:
        while True:
            event = next(self.events)
            if isinstance(event, Progress) and event.where[-1].at > 0:
                return event

    def close(self) -> None:
        self.events.close()


def dreaming(
    image: str | None,
    output: str,
    *,
    on_disk: bool = False,
    work: str | None = None,
    deepzoom: str | None = None,
    overwrite: bool = False,
    **options: Any,
) -> Steps:
    """Begin a dream on a picture."""
    asked = prepare(None, options)
    outputs = {"picture": Output(Path(output), overwrite)}
    if deepzoom is not None:
        outputs["deepzoom"] = Output(Path(deepzoom), overwrite)
    spec = dream_spec(image, asked.recipe, outputs, on_disk=on_disk)
    return Steps(begin(spec, folder=work, objects={"asked": asked}))


def resuming(work: str | Path) -> Steps:
    """Go on with a job that this test began itself."""
    return Steps(reopen(work, policy=OPEN))


def resume(work: str | Path, **objects: Any) -> Path:
    """Go on with a dream that this test began itself to its end, and return where the picture is."""
    return jobs.finish(jobs.resume(work, policy=OPEN, objects=objects))["picture"]
