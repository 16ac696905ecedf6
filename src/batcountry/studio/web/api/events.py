"""What happens, as it happens: server-sent events, and the same by asking."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Query, Response
from fastapi.responses import StreamingResponse

from batcountry.studio.web.problems import problems
from batcountry.studio.web.schemas import EventShown, EventsShown
from batcountry.studio.web.streams import Crowded
from batcountry.studio.web.studio import StudioHere

router = APIRouter(tags=["events"])

After = Annotated[int | None, Query(ge=0, lt=2**62)]


@router.get(
    "/events",
    response_class=Response,
    responses={**problems(), 200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def events(
    studio: StudioHere,
    after: After = None,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> StreamingResponse:
    """Follow what happens: an id, an event and data with each; from after `Last-Event-ID` or `after` on, or from now on."""
    known = last_event_id.strip() if last_event_id else ""
    begin = int(known) if known.isascii() and known.isdigit() and len(known) < 19 else after
    headers = {"cache-control": "no-store, no-transform", "x-accel-buffering": "no"}
    return StreamingResponse(studio.feed.stream(begin), headers=headers, media_type="text/event-stream")


@router.get("/events/since", responses=problems())
async def events_since(
    studio: StudioHere, after: After = None, wait: Annotated[float, Query(ge=0, le=30)] = 0
) -> EventsShown:
    """Ask what happened, and wait for it so many seconds: for where events do not pass."""
    if after is None:
        return EventsShown(events=[], last=await studio.feed.last(), reset=False)
    if await studio.feed.is_lost(after):
        return EventsShown(events=[], last=await studio.feed.last(), reset=True)
    try:
        news = await studio.feed.since(after, wait)
    except Crowded:
        raise HTTPException(503, "more wait for events than there is room for; ask again later") from None
    shown = [EventShown(id=each.id, kind=each.kind, data=json.loads(each.text)) for each in news]
    return EventsShown(events=shown, last=shown[-1].id if shown else after, reset=False)
