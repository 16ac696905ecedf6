"""The studio: dream in the browser, with a queue that keeps everything, and a folder that dreams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batcountry.backend.lazy import lazy_names

if TYPE_CHECKING:
    from batcountry.studio.places import StudioFolder as StudioFolder
    from batcountry.studio.settings import StudioSettings as StudioSettings
    from batcountry.studio.store.queue import Queue as Queue

__getattr__, __dir__, __all__ = lazy_names(
    __name__, {"StudioFolder": "places", "StudioSettings": "settings", "Queue": "store.queue"}
)
