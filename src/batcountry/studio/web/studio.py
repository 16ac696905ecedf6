"""All that a request can need, in one value: `request.app.state.studio`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from batcountry.studio.places import StudioFolder
from batcountry.studio.settings import StudioSettings
from batcountry.studio.store.database import Database
from batcountry.studio.store.events import EventLog
from batcountry.studio.store.pictures import Pictures
from batcountry.studio.store.queue import Queue
from batcountry.studio.store.uploads import Uploads
from batcountry.studio.web.media.process import Decoder
from batcountry.studio.web.messages.streams import EventFeed

PICTURE_SECONDS, FILM_SECONDS = 60.0, 600.0
"""That making an upload anew may take, and a thumbnail."""


@dataclass(frozen=True)
class Studio:
    """A studio's settings, its store, and what decodes.

    Attributes
    ----------
    feed
        Events for all who look.
    pictures_decoder, films_decoder, thumbs_decoder
        Apart, so that a film keeps nobody waiting.
    """

    settings: StudioSettings
    folder: StudioFolder
    database: Database
    queue: Queue
    pictures: Pictures
    uploads: Uploads
    events: EventLog
    feed: EventFeed
    pictures_decoder: Decoder = field(default_factory=lambda: Decoder(PICTURE_SECONDS))
    films_decoder: Decoder = field(default_factory=lambda: Decoder(FILM_SECONDS))
    thumbs_decoder: Decoder = field(default_factory=lambda: Decoder(PICTURE_SECONDS))

    @classmethod
    def open(cls, settings: StudioSettings) -> Studio:
        """Open a studio's folder and database, made if they are not there; raises `StudioError` if they cannot be used."""
        folder = settings.places.make()
        database = Database(settings.database_url)
        events = EventLog(database)
        return cls(
            settings=settings,
            folder=folder,
            database=database,
            queue=Queue(database),
            pictures=Pictures(database),
            uploads=Uploads(database),
            events=events,
            feed=EventFeed(events),
        )

    async def close(self) -> None:
        """Let all go who wait, and stop what decodes."""
        await self.feed.close()
        for each in (self.pictures_decoder, self.films_decoder, self.thumbs_decoder):
            await each.close()
        self.database.close()


async def _studio_of(request: Request) -> Studio:
    found: Studio = request.app.state.studio
    return found


StudioHere = Annotated[Studio, Depends(_studio_of)]
"""A parameter of an endpoint."""
