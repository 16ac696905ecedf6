"""What the store has, as clients see it: no path of the machine's leaves it."""

from __future__ import annotations

import json
from typing import Any

from batcountry.errors import BatCountryError
from batcountry.jobs.events import Progress
from batcountry.studio.store.job import Job
from batcountry.studio.store.pictures import Filter, Picture
from batcountry.studio.web.schemas import JobShown, PictureShown, ProgressShown, Source
from batcountry.studio.web.sources import source_at, source_of
from batcountry.studio.web.studio import Studio

_MOST_RESULTS = 100


def job_shown(studio: Studio, job: Job) -> JobShown:
    """Return a job."""
    recipe, sources = _asked(studio, job)
    waits = job.state == "waiting"
    ahead, starts_in = studio.queue.ahead(job.id) if waits else (0, None)
    results = studio.pictures.page(Filter(job=job.id), limit=_MOST_RESULTS)[0] if job.begun else []
    return JobShown(
        id=job.id,
        kind=job.kind,
        title=job.title,
        state=job.state,
        place=job.place,
        ahead=ahead,
        starts_in=starts_in,
        wish=job.wish,
        progress=_progress(job.progress()),
        sentence=_without_paths(studio, job.sentence),
        created=job.created,
        begun=job.begun,
        ended=job.ended,
        pictures=[each.id for each in results],
        preview=_preview(studio, job),
        recipe=recipe,
        source=sources.get("picture") or sources.get("video") or source_of(studio, job.picture_from),
        guide=sources.get("guide"),
        mask=sources.get("mask"),
    )


def log_shown(studio: Studio, text: str) -> str:
    """Return what a job said."""
    return _without_paths(studio, text)


def _without_paths(studio: Studio, text: str) -> str:
    return text.replace(f"{studio.folder.path}/", "")


def _asked(studio: Studio, job: Job) -> tuple[dict[str, Any], dict[str, Source | None]]:
    try:
        spec = job.spec()
    except BatCountryError:
        return {}, {}
    sources = {name: source_at(studio, each.path) for name, each in spec.inputs.items()}
    return cleaned(studio, spec.recipe), sources


def cleaned(studio: Studio, recipe: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe without the paths of this machine, which clients could not use."""
    found: dict[str, Any] = {}
    for name, value in recipe.items():
        if isinstance(value, dict):
            found[name] = cleaned(studio, value)
        elif name in ("guide", "mask", "weights"):
            continue
        else:
            found[name] = _without_paths(studio, value) if isinstance(value, str) else value
    return found


def _progress(progress: Progress | None) -> ProgressShown | None:
    if progress is None:
        return None
    counts = {each.what: each for each in progress.where}
    octave, iteration = counts.get("octave"), counts.get("iteration")
    return ProgressShown(
        done=progress.done,
        where=str(progress),
        octave=octave.at if octave else None,
        octaves=octave.of if octave else None,
        iteration=iteration.at if iteration else None,
        iterations=iteration.of if iteration else None,
        seconds_left=progress.seconds_left,
    )


def _preview(studio: Studio, job: Job) -> str | None:
    try:
        made = studio.folder.preview(job.id).stat().st_mtime_ns
    except OSError:
        return None
    return f"/api/v1/jobs/{job.id}/preview?n={made:x}"


def picture_shown(studio: Studio, picture: Picture) -> PictureShown:
    """Return a result."""
    place = f"/api/v1/pictures/{picture.id}"
    return PictureShown(
        id=picture.id,
        job=picture.job,
        name=picture.name,
        media=picture.media,
        width=picture.width,
        height=picture.height,
        bytes=picture.bytes,
        created=picture.created,
        network=picture.network,
        layer=picture.layer,
        favorite=picture.favorite,
        deleted=picture.deleted,
        source=source_of(studio, picture.source),
        recipe=recipe_of(studio, picture),
        file=f"{place}/file",
        thumb=f"{place}/thumb",
    )


def recipe_of(studio: Studio, picture: Picture) -> dict[str, Any]:
    """Return the recipe of a result."""
    try:
        found = json.loads(picture.recipe)
    except ValueError:
        return {}
    return cleaned(studio, found) if isinstance(found, dict) else {}
