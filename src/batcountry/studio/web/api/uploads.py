"""Sending pictures and films, and having them back."""

from __future__ import annotations

import re
import time
import unicodedata
from pathlib import Path
from typing import Annotated

import anyio
import anyio.to_thread
from fastapi import APIRouter, File, Request, Response, UploadFile

from batcountry.backend.files import sha256_of, unused_name
from batcountry.errors import NotFound
from batcountry.studio.places import new_id
from batcountry.studio.store.uploads import Upload
from batcountry.studio.web.files.room import make_room
from batcountry.studio.web.files.sending import send_file
from batcountry.studio.web.files.thumbs import Side, thumb_of
from batcountry.studio.web.media.films import SUFFIXES, is_film
from batcountry.studio.web.media.process import OverBounds, Unusable
from batcountry.studio.web.messages.problems import problems
from batcountry.studio.web.messages.schemas import Id, UploadShown
from batcountry.studio.web.studio import Studio, StudioHere

router = APIRouter(tags=["uploads"])

_PIECE = 1 << 18
_LONGEST_NAME = 100


@router.post("/uploads", status_code=201, responses=problems(507, changes=True))
async def send_upload(
    request: Request, studio: StudioHere, file: Annotated[UploadFile, File()]
) -> UploadShown:
    """Send a picture or a film; it is made anew, upright, with nothing in it but what is seen."""
    if request.app.state.workers is not None:
        request.app.state.workers.warm()  # who sends a picture wants to dream
    await anyio.to_thread.run_sync(make_room, studio, file.size or 0)
    received = unused_name(studio.folder.uploads, ".part")
    try:
        begin = await _received(file, received, studio.settings.max_upload_bytes)
        upload = await _remade(studio, received, is_film(begin), clean_name(file.filename or ""))
    finally:
        received.unlink(missing_ok=True)
    return upload_shown(await anyio.to_thread.run_sync(studio.uploads.add, upload))


async def _received(file: UploadFile, path: Path, most: int) -> bytes:
    """Write what was sent to a file, and return its beginning."""
    begin, count = b"", 0
    async with await anyio.open_file(path, "xb") as out:
        while piece := await file.read(_PIECE):
            begin, count = begin or piece[:32], count + len(piece)
            if count > most:
                raise OverBounds(
                    f"this has more than {most:,} bytes, and no more are taken; send something smaller"
                )
            await out.write(piece)
    if not count:
        raise Unusable("this file is empty; send a picture or a film")
    return begin


async def _remade(studio: Studio, source: Path, film: bool, name: str) -> Upload:
    id, settings = new_id(), studio.settings
    decoder = studio.films_decoder if film else studio.pictures_decoder
    made = await decoder.ask(
        "upload",
        source=str(source),
        target=str(studio.folder.uploads / id),
        max_pixels=settings.max_pixels,
        max_frames=settings.max_frames,
        max_seconds=settings.max_film_seconds,
    )
    path = studio.folder.upload(id, made["suffix"])
    digest = await anyio.to_thread.run_sync(sha256_of, path)
    return Upload(
        id=id,
        file=studio.folder.relative(path),
        name=name or f"{'film' if film else 'picture'}{path.suffix}",
        sha256=digest,
        width=made["width"],
        height=made["height"],
        bytes=path.stat().st_size,
        created=time.time(),
    )


def clean_name(name: str) -> str:
    r"""Return what a client calls a file as it may be shown: no folders, no marks that do anything, not long.

    >>> clean_name("../../etc/pass\0wd"), clean_name("C:\\x\\<b>Cat</b>.jpg"), clean_name("a\u202eb.png")
    ('passwd', 'b.jpg', 'ab.png')
    """
    last = re.split(r"[/\\:]", name)[-1]
    kept = "".join(each for each in last if unicodedata.category(each)[0] not in "CZ" or each == " ")
    kept = re.sub(r"[<>\"'`&%$|*?{}]", "", kept).strip(" .")
    stem, dot, suffix = kept.rpartition(".")
    return kept if len(kept) <= _LONGEST_NAME else f"{stem[: _LONGEST_NAME - 10]}{dot}{suffix[:8]}"


def upload_shown(upload: Upload) -> UploadShown:
    """Return an upload as clients see it."""
    return UploadShown(
        id=upload.id,
        name=upload.name,
        media="film" if upload.file.endswith(SUFFIXES) else "picture",
        width=upload.width,
        height=upload.height,
        bytes=upload.bytes,
        created=upload.created,
        url=f"/api/v1/uploads/{upload.id}/file",
    )


@router.get("/uploads/{id}", responses=problems(404))
def show_upload(studio: StudioHere, id: Id) -> UploadShown:
    """Show what is known of an upload."""
    return upload_shown(studio.uploads.get(id))


_PICTURES: dict[str, dict[str, str]] = {"image/png": {}, "image/jpeg": {}, "image/webp": {}, "video/mp4": {}}


@router.get(
    "/uploads/{id}/file",
    response_class=Response,
    responses={**problems(404), 200: {"content": _PICTURES}, 304: {"description": "You have it."}},
)
async def upload_file(request: Request, studio: StudioHere, id: Id, side: Side | None = None) -> Response:
    """Send an upload as it was made anew, or a small one of it."""
    upload = await anyio.to_thread.run_sync(studio.uploads.get, id)
    path = studio.folder.file(upload.file)
    if not path.is_file():
        raise NotFound("file of upload", id)
    if side is not None and (max(upload.width, upload.height) > side or path.suffix in SUFFIXES):
        path = await thumb_of(studio, path, id, side)
    return send_file(request, path, "file of upload")
