"""The gallery."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from batcountry.errors import NotFound, RecipeError
from batcountry.studio.store.pictures import Filter, Picture
from batcountry.studio.web.files.sending import send_file
from batcountry.studio.web.files.thumbs import Side, picture_thumb
from batcountry.studio.web.files.zips import zipped
from batcountry.studio.web.gallery import GalleryHere, Order
from batcountry.studio.web.messages.problems import problems
from batcountry.studio.web.messages.schemas import Id, PictureChange, PictureShown, PicturesShown, ZipRequest
from batcountry.studio.web.shown import picture_shown, recipe_of
from batcountry.studio.web.studio import Studio, StudioHere

router = APIRouter(tags=["pictures"])

Words = Annotated[str, Query(max_length=200)]

_SENT: dict[int | str, dict[str, Any]] = {304: {"description": "You have it."}}
_TILE = re.compile(r"\d{1,2}/\d{1,6}_\d{1,6}\.(jpg|jpeg|png|webp)")


@router.get("/pictures", response_model=PicturesShown, responses=problems())
def list_pictures(
    gallery: GalleryHere,
    order: Order = "newest",
    seed: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    network: Words = "",
    layer: Words = "",
    favorite: bool | None = None,
    text: Words = "",
    media: Literal["", "picture", "film", "pyramid", "sheet"] = "",
    job: Id | None = None,
    cursor: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 60,
) -> Response:
    """List pictures, newest first or in an order that a seed makes, a page at a time."""
    if cursor and not re.fullmatch(r"[0-9.e+-]{1,40}:[A-Za-z0-9_-]{8,64}", cursor):
        raise RecipeError("the place in the gallery cannot be read; begin at its top")
    which = Filter(network=network, layer=layer, favorite=favorite, text=text, media=media, job=job or "")
    page = gallery.page(which, order=order, seed=seed, cursor=cursor, limit=limit)
    return Response(page, media_type="application/json")


@router.post(
    "/pictures/zip",
    response_class=Response,
    responses={**problems(404, changes=True), 200: {"content": {"application/zip": {}}}},
)
def zip_of(studio: StudioHere, request: ZipRequest) -> StreamingResponse:
    """Send several pictures as one file."""
    chosen = [studio.pictures.get(id) for id in dict.fromkeys(request.ids)]
    files = {path: name for each in chosen for name, path in _files_of(studio, each)}
    headers = {"content-disposition": 'attachment; filename="dreams.zip"'}
    return StreamingResponse(
        zipped((name, path) for path, name in files.items()), media_type="application/zip", headers=headers
    )


def _files_of(studio: Studio, picture: Picture) -> Iterator[tuple[str, Path]]:
    path = whole_file(studio, picture)
    if path.is_file():
        yield download_name(picture, path.suffix), path


def whole_file(studio: Studio, picture: Picture) -> Path:
    """Return a picture's file: of one in pieces the whole, which its job made as well, if that is there."""
    path = studio.folder.file(picture.file)
    if picture.media != "pyramid":
        return path
    wholes = studio.pictures.page(Filter(job=picture.job, media="picture"), limit=1)[0]
    return studio.folder.file(wholes[0].file) if wholes else path


def download_name(picture: Picture, suffix: str) -> str:
    """Return the name under which a picture is saved."""
    day = time.strftime("%Y-%m-%d", time.gmtime(picture.created))
    return f"dream-{day}-{picture.id}{suffix}"


@router.get("/pictures/{id}", responses=problems(404))
def show_picture(studio: StudioHere, id: Id) -> PictureShown:
    """Show what is known of a picture."""
    return picture_shown(studio, studio.pictures.get(id, deleted=True))


@router.get(
    "/pictures/{id}/file",
    response_class=Response,
    responses={
        **problems(404, 413, 415),
        200: {"content": {"image/png": {}, "image/jpeg": {}, "video/mp4": {}}},
        **_SENT,
    },
)
async def picture_file(
    request: Request,
    studio: StudioHere,
    id: Id,
    format: Literal["png", "jpeg"] | None = None,
    download: bool = False,
) -> Response:
    """Send a picture with its recipe inside, as it was made or as a JPEG."""
    picture = await anyio.to_thread.run_sync(studio.pictures.get, id)
    path = await anyio.to_thread.run_sync(whole_file, studio, picture)
    if not path.is_file():
        raise NotFound("file of picture", id)
    if format == "jpeg" and path.suffix in (".png", ".webp", ".tif"):
        target = studio.folder.thumbs / f"{id}-whole.jpg"
        if not target.is_file():
            await studio.thumbs_decoder.ask("jpeg", source=str(path), target=str(target))
        path = target
    name = download_name(picture, path.suffix) if download else None
    return send_file(request, path, "file of picture", download=name)


@router.get(
    "/pictures/{id}/thumb",
    response_class=Response,
    responses={**problems(404, 413, 415), 200: {"content": {"image/webp": {}}}, **_SENT},
)
async def thumb(request: Request, studio: StudioHere, id: Id, side: Side = 320) -> Response:
    """Send a small picture of a picture or a film."""
    kept = studio.folder.thumbs / f"{id}-{side}.webp"
    if kept.is_file():  # here and now, as handing it to a thread takes longer than all the rest
        return send_file(request, kept, "small picture of")
    picture = await anyio.to_thread.run_sync(lambda: studio.pictures.get(id, deleted=True))
    return send_file(request, await picture_thumb(studio, picture, side), "small picture of")


@router.patch("/pictures/{id}", responses=problems(404, changes=True))
def change_picture(studio: StudioHere, id: Id, change: PictureChange) -> PictureShown:
    """Make a picture a favorite, or not."""
    return picture_shown(studio, studio.pictures.favor(id, change.favorite))


@router.delete("/pictures/{id}", responses=problems(404, changes=True))
def delete_picture(studio: StudioHere, id: Id) -> PictureShown:
    """Delete a picture; for some days it can be had back."""
    return picture_shown(studio, studio.pictures.delete(id))


@router.post("/pictures/{id}/restore", responses=problems(404, changes=True))
def restore_picture(studio: StudioHere, id: Id) -> PictureShown:
    """Have a deleted picture back."""
    return picture_shown(studio, studio.pictures.restore(id))


@router.get("/pictures/{id}/recipe", responses=problems(404))
def picture_recipe(studio: StudioHere, id: Id) -> dict[str, Any]:
    """Show the recipe of a picture."""
    return recipe_of(studio, studio.pictures.get(id))


@router.get(
    "/pictures/{id}/pyramid/{tile:path}",
    response_class=Response,
    responses={
        **problems(404),
        200: {"content": {"image/jpeg": {}, "image/png": {}, "application/xml": {}}},
        **_SENT,
    },
)
def pyramid(request: Request, studio: StudioHere, id: Id, tile: str) -> Response:
    """Send a piece of a picture that is there in pieces: `picture.dzi`, or `LEVEL/COLUMN_ROW.jpg`."""
    folder = studio.folder.file(studio.pictures.get(id).file)
    table = next(iter(sorted(folder.glob("*.dzi"))), None) if folder.is_dir() else None
    if table is None:
        raise NotFound("picture in pieces", id)
    if tile == "picture.dzi":
        return send_file(request, table, "picture in pieces")
    if not _TILE.fullmatch(tile):
        raise NotFound("piece", tile)
    return send_file(request, table.with_name(f"{table.stem}_files") / tile, "piece")
