"""Jobs of a studio whose folder lay elsewhere when they were asked for, or lies elsewhere on another machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from batcountry.jobs.spec import JobSpec
from batcountry.studio.places import StudioFolder
from batcountry.studio.store.job import Job


def folder_before(spec: JobSpec, places: StudioFolder) -> Path:
    """Return where the studio's folder was when a job was asked for, as its outputs say."""
    names = (places.pictures.name, places.looks.name)
    parents = (parent for output in spec.outputs.values() for parent in Path(output.path).parents)
    return next((each.parent for each in parents if each.name in names), places.path)


def at_home(job: Job, places: StudioFolder) -> Job:
    """Return a job whose files are looked for where the studio's folder is now; raises `JobError` if it cannot be read."""
    spec = job.spec()
    before = folder_before(spec, places)
    if before == places.path:
        return job

    def here(path: str) -> str:
        inside = Path(path).is_relative_to(before)
        return str(places.path / Path(path).relative_to(before)) if inside else path

    inputs = {name: each.model_copy(update={"path": here(each.path)}) for name, each in spec.inputs.items()}
    outputs = {name: each.model_copy(update={"path": here(each.path)}) for name, each in spec.outputs.items()}
    return replace(job, spec_text=spec.changed(inputs=inputs, outputs=outputs).model_dump_json())
