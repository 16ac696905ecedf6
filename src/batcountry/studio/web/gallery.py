"""Pages of the gallery as they are sent, which many look at and few change."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal

from fastapi import Depends, Request

from batcountry.studio.store.pictures import Filter
from batcountry.studio.web.messages.schemas import PicturesShown
from batcountry.studio.web.shown import picture_shown
from batcountry.studio.web.studio import Studio

KEPT = 100
"""Pages that are kept, of up to 200 pictures each."""

Order = Literal["newest", "random"]


class Gallery:
    """Makes pages, and keeps each until a picture comes, goes or changes."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._made = lru_cache(KEPT)(self._make)

    def page(self, which: Filter, *, order: Order, seed: int, cursor: str, limit: int) -> str:
        """Return a page as JSON text of `PicturesShown`; see `Pictures.page`."""
        return self._made(self._studio.pictures.version(), which, order, seed, cursor, limit)

    def _make(self, _: int, which: Filter, order: Order, seed: int, cursor: str, limit: int) -> str:
        pictures, more = self._studio.pictures.page(which, order=order, seed=seed, cursor=cursor, limit=limit)
        total = None if cursor else self._studio.pictures.count(which)
        shown = [picture_shown(self._studio, each) for each in pictures]
        return PicturesShown(pictures=shown, next=more or None, total=total).model_dump_json()


async def _gallery_of(request: Request) -> Gallery:
    gallery: Gallery = request.app.state.gallery
    return gallery


GalleryHere = Annotated[Gallery, Depends(_gallery_of)]
"""A parameter of an endpoint."""
