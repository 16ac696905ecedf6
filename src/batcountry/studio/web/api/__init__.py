"""The API under `/api/v1`, a module for each thing: all that the pages do, and no more."""

from __future__ import annotations

from fastapi import APIRouter

from batcountry.studio.web.api import (
    events,
    jobs,
    looks,
    networks,
    pictures,
    recipe,
    settings,
    uploads,
    work,
)

PREFIX = "/api/v1"
"""Where the API is."""


def api_router() -> APIRouter:
    """Return all of the API."""
    router = APIRouter(prefix=PREFIX)
    for each in (uploads, jobs, work, pictures, events, recipe, looks, networks, settings):
        router.include_router(each.router)
    return router
