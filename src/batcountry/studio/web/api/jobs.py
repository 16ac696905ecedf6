"""Asking for dreams, and looking after them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from batcountry.studio.places import new_id
from batcountry.studio.store.job import State
from batcountry.studio.web.files import SHORTLY, send_file
from batcountry.studio.web.job_specs import spec_of
from batcountry.studio.web.problems import problems
from batcountry.studio.web.room import make_room
from batcountry.studio.web.schemas import Id, JobRequest, JobShown, JobsShown, LogShown
from batcountry.studio.web.shown import job_shown, log_shown
from batcountry.studio.web.studio import StudioHere

router = APIRouter(tags=["jobs"])


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
    responses={**problems(404), 200: {"content": {"image/jpeg": {}}}, 304: {"description": "You have it."}},
)
def preview(request: Request, studio: StudioHere, id: Id) -> Response:
    """Send what a job's picture looks like by now."""
    job = studio.queue.get(id)
    return send_file(request, studio.folder.preview(job.id), "preview of", kept=SHORTLY)


@router.get("/jobs/{id}/log", responses=problems(404))
def log(studio: StudioHere, id: Id) -> LogShown:
    """Show what a job said."""
    job = studio.queue.get(id)
    return LogShown(log=log_shown(studio, job.log), sentence=log_shown(studio, job.sentence))
