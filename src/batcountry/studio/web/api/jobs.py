"""Asking for dreams, and looking after them."""

from __future__ import annotations

from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response

from batcountry.studio.places import new_id
from batcountry.studio.store.job import State
from batcountry.studio.store.pictures import Filter
from batcountry.studio.web.files.room import make_room
from batcountry.studio.web.files.sending import SHORTLY, send_file
from batcountry.studio.web.files.thumbs import picture_thumb
from batcountry.studio.web.jobs.specs import spec_of
from batcountry.studio.web.messages.problems import problems
from batcountry.studio.web.messages.schemas import Id, JobRequest, JobShown, JobsShown, LogShown
from batcountry.studio.web.shown import job_shown, log_shown
from batcountry.studio.web.studio import StudioHere

router = APIRouter(tags=["jobs"])

_PREVIEW_TYPES: dict[str, dict[str, object]] = {"image/jpeg": {}, "image/webp": {}}


@router.post("/jobs", status_code=201, responses=problems(404, 507, changes=True))
def ask_for(studio: StudioHere, request: JobRequest) -> JobShown:
    """Put a job in line; when this is answered it is on the disk, and nothing but an order of yours takes it from there."""
    make_room(studio, 0)
    id = new_id()
    spec, source = spec_of(studio, request, id)
    job = studio.queue.submit(
        spec,
        id=id,
        kind=request.kind,
        title=request.title,
        picture_from=source,
        most=studio.settings.max_queue,
    )
    return job_shown(studio, job)


@router.get("/jobs", responses=problems(404))
def list_jobs(
    studio: StudioHere,
    state: Annotated[list[State] | None, Query(max_length=10)] = None,
    after: Id | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JobsShown:
    """List jobs, the newest first."""
    found = studio.queue.jobs(state or (), after=after or "", limit=limit + 1)
    shown = found[:limit]
    more = shown[-1].id if len(found) > limit else None
    return JobsShown(jobs=[job_shown(studio, each) for each in shown], next=more)


@router.get("/jobs/{id}", responses=problems(404))
def show_job(studio: StudioHere, id: Id) -> JobShown:
    """Show a job."""
    return job_shown(studio, studio.queue.get(id))


@router.get(
    "/jobs/{id}/preview",
    response_class=Response,
    responses={
        **problems(404, 413, 415),
        200: {"content": _PREVIEW_TYPES},
        304: {"description": "You have it."},
    },
)
async def preview(request: Request, studio: StudioHere, id: Id) -> Response:
    """Send what a job's picture looks like by now; when it is done, its first result, small."""
    job = await anyio.to_thread.run_sync(studio.queue.get, id)
    place = studio.folder.preview(job.id)
    if job.state == "done" and not place.is_file():  # who asks was told of a preview just before
        results = await anyio.to_thread.run_sync(lambda: studio.pictures.page(Filter(job=id), limit=1)[0])
        if results:
            place = await picture_thumb(studio, results[0], 960)
    return send_file(request, place, "preview of", kept=SHORTLY)


@router.get("/jobs/{id}/log", responses=problems(404))
def log(studio: StudioHere, id: Id) -> LogShown:
    """Show what a job said."""
    job = studio.queue.get(id)
    return LogShown(log=log_shown(studio, job.log), sentence=log_shown(studio, job.sentence))
