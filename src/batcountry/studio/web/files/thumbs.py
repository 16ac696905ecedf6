"""Small pictures: made once, when they are first asked for, and kept."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal
from weakref import WeakValueDictionary

import anyio.to_thread
from pydantic import BeforeValidator

from batcountry.errors import NotFound, StudioError
from batcountry.studio.store.pictures import Picture
from batcountry.studio.web.studio import Studio


def _number(text: object) -> object:
    return (
        int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 6 else text
    )


Side = Annotated[Literal[320, 960, 1600], BeforeValidator(_number)]
"""Pixels of the longer side, of which there are few so that none is made twice."""

_turns: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()


async def thumb_of(studio: Studio, source: Path, id: str, side: int) -> Path:
    """Return the small picture of a file that has an id, made if it is not there.

    Raises
    ------
    StudioError
        If none can be made of it.
    """
    target = studio.folder.thumbs / f"{id}-{side}.webp"
    turn = _turns.get(target)
    if turn is None:
        turn = _turns.setdefault(target, asyncio.Lock())
    async with turn:
        if not await anyio.to_thread.run_sync(target.is_file):
            await studio.thumbs_decoder.ask("thumb", source=str(source), target=str(target), side=side)
    return target


def whole_in_pieces(folder: Path) -> Path | None:
    """Return the largest piece of a Deep Zoom pyramid that shows all of the picture, or None if there is none."""
    wholes = [piece for piece in folder.glob("*_files/*/0_0.*") if piece.parent.name.isdigit()]
    wholes = [piece for piece in wholes if len(list(piece.parent.iterdir())) == 1]
    return max(wholes, key=lambda piece: int(piece.parent.name), default=None)


async def picture_thumb(studio: Studio, picture: Picture, side: int) -> Path:
    """Return the small picture of a result: of itself, or if it is too large or in pieces, of the last preview of its job."""
    path = studio.folder.file(picture.file)
    if path.is_dir():  # an atlas, or pieces
        path = next(iter(sorted(path.glob("sheets/*.jpg"))), None) or whole_in_pieces(path) or path
    if not path.is_dir():
        with suppress(StudioError):
            return await thumb_of(studio, path, picture.id, side)
    preview = studio.folder.preview(picture.job)
    if not preview.is_file():
        raise NotFound("small picture of", picture.id)
    return await thumb_of(studio, preview, picture.id, side)
