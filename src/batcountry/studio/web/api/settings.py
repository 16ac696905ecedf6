"""How the studio is set up."""

from __future__ import annotations

import psutil
from fastapi import APIRouter, Request

from batcountry.backend.version import __version__
from batcountry.studio.settings import StudioSettings
from batcountry.studio.web.files.room import free_bytes, used_bytes
from batcountry.studio.web.messages.problems import problems
from batcountry.studio.web.messages.schemas import SettingsShown, WatchShown
from batcountry.studio.web.studio import StudioHere

router = APIRouter(tags=["settings"])


@router.get("/settings", responses=problems())
def show_settings(request: Request, studio: StudioHere) -> SettingsShown:
    """Show where the studio dreams, how much it takes, and how much it has."""
    settings, memory = studio.settings, psutil.virtual_memory()
    return SettingsShown(
        version=__version__,
        folder=str(studio.folder.path) if settings.is_private else None,
        devices=list(settings.devices) or ["auto"],
        memory_total=memory.total,
        memory_free=memory.available,
        disk_free=free_bytes(studio),
        used_bytes=used_bytes(studio),
        quota_bytes=settings.quota_bytes,
        drop_oldest=settings.drop_oldest,
        pictures=studio.pictures.count(),
        max_upload_bytes=settings.max_upload_bytes,
        max_pixels=settings.max_pixels,
        max_frames=settings.max_frames,
        max_film_seconds=settings.max_film_seconds,
        max_queue=settings.max_queue,
        queue={str(state): count for state, count in studio.queue.counts().items()},
        idle_seconds=settings.idle_seconds,
        has_token=settings.token is not None,
        watch=_watch(settings, getattr(request.app.state.workers, "trouble", "")),
        working=request.app.state.workers is not None,
    )


def _watch(settings: StudioSettings, trouble: str) -> WatchShown | None:
    watch = settings.watch
    if watch is None:
        return None
    paths = {"inputs": watch.inputs, "outputs": watch.outputs, "settings": watch.settings}
    shown = {name: str(path) if path and settings.is_private else None for name, path in paths.items()}
    return WatchShown(**shown, sentence=trouble if settings.is_private else "")
