"""What can be done with a job that is there."""

from __future__ import annotations

from fastapi import APIRouter

from batcountry.studio.web.problems import problems
from batcountry.studio.web.schemas import Id, JobShown, MoveRequest
from batcountry.studio.web.shown import job_shown
from batcountry.studio.web.studio import StudioHere

router = APIRouter(tags=["jobs"], prefix="/jobs/{id}")

_PROBLEMS = problems(404, 409, changes=True)


@router.post("/cancel", responses=_PROBLEMS)
def cancel(studio: StudioHere, id: Id) -> JobShown:
    """Cancel a job: at once if it waits, else within a second."""
    return job_shown(studio, studio.queue.wish(id, "cancel"))


@router.post("/pause", responses=_PROBLEMS)
def pause(studio: StudioHere, id: Id) -> JobShown:
    """Stop a job so that it can go on, and give its memory back."""
    return job_shown(studio, studio.queue.wish(id, "pause"))


@router.post("/resume", responses=_PROBLEMS)
def resume(studio: StudioHere, id: Id) -> JobShown:
    """Let a paused job go on."""
    return job_shown(studio, studio.queue.resume(id))


@router.post("/retry", responses=_PROBLEMS)
def retry(studio: StudioHere, id: Id) -> JobShown:
    """Try a job again that failed, was cancelled or set aside, from what there is of it."""
    return job_shown(studio, studio.queue.retry(id))


@router.post("/move", responses=_PROBLEMS)
def move(studio: StudioHere, id: Id, request: MoveRequest) -> JobShown:
    """Put a job that waits before another one, or at the end of the line."""
    return job_shown(studio, studio.queue.move(id, request.before))
