"""The studio as an application."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Protocol

import anyio.to_thread
from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp

from batcountry.backend.version import __version__
from batcountry.errors import BatCountryError
from batcountry.studio.settings import StudioSettings
from batcountry.studio.web import pages
from batcountry.studio.web.api import PREFIX, api_router, health
from batcountry.studio.web.files.room import UNDO_SECONDS, sweep, sweep_uploads
from batcountry.studio.web.gallery import Gallery
from batcountry.studio.web.messages.problems import add_problems
from batcountry.studio.web.safety import secured
from batcountry.studio.web.safety.entering import entering
from batcountry.studio.web.studio import Studio

log = logging.getLogger("batcountry")

SWEEP_SECONDS = 3600.0
"""From one time that deleted pictures are let go to the next."""


class Workers(Protocol):
    """What sees to it that jobs are worked on."""

    def start(self) -> None:
        """Begin to; called once."""

    def stop(self) -> None:
        """Let what runs be stored, and end."""

    def warm(self) -> None:
        """Have a worker ready for a job that will come."""

    def status(self) -> Any:
        """How each is."""
        ...


class StudioApp(FastAPI):
    """A FastAPI application that nothing reaches but through `secured`, not even its own error pages."""

    def build_middleware_stack(self) -> ASGIApp:
        """See Starlette."""
        return secured(super().build_middleware_stack(), self.state.settings)


def create_app(settings: StudioSettings, *, workers: Callable[[Studio], Workers] | None = None) -> FastAPI:
    """Return the application of a studio.

    Parameters
    ----------
    workers
        Makes what starts workers, when the application starts; with None jobs wait for workers that others start.

    Raises
    ------
    StudioError
        If the folder or the database cannot be used.
    """
    app = StudioApp(
        title="bat-country studio",
        summary="Deep dreams over HTTP.",
        version=__version__,
        lifespan=_life(workers),
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.studio = Studio.open(settings)
    app.state.gallery = Gallery(app.state.studio)
    app.state.last_event = app.state.studio.events.last
    app.state.metrics = health.metrics_of(app.state.studio)
    app.state.workers = None
    add_problems(app)
    app.include_router(api_router())
    app.include_router(health.router, prefix=PREFIX)
    app.include_router(health.router, include_in_schema=False)
    app.include_router(entering(_ask_for_token))
    app.include_router(pages.router)
    return app


def _ask_for_token(request: Request, sentence: str, goal: str) -> Response:
    return pages.render(request, "enter", "Enter", sentence=sentence, next=goal)


def _life(workers: Callable[[Studio], Workers] | None) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        studio: Studio = app.state.studio
        async with AsyncExitStack() as ending:
            ending.push_async_callback(studio.close)
            if workers is not None:
                app.state.workers = workers(studio)
                app.state.workers.start()
                ending.push_async_callback(anyio.to_thread.run_sync, app.state.workers.stop)
            sweeping = asyncio.create_task(_sweep(studio))
            warming = asyncio.create_task(studio.pictures_decoder.warm())
            yield
            for each in (sweeping, warming):
                each.cancel()
                with suppress(asyncio.CancelledError):
                    await each

    return life


async def _sweep(studio: Studio) -> None:
    """Let pictures go that were deleted long ago, and uploads that nothing needs, from time to time."""
    while True:
        try:
            for each in (sweep, sweep_uploads):
                while await anyio.to_thread.run_sync(each, studio, time.time() - UNDO_SECONDS):
                    await asyncio.sleep(0)
        except BatCountryError as error:
            log.warning("what nobody needs any more stays for now: %s", error)
        await asyncio.sleep(SWEEP_SECONDS)
