"""What the stand-in says of the gallery, and how that is changed."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import Response
from stand_in_networks import jpeg


def add_pictures(app: FastAPI, studio: Any) -> None:
    def found(name: str) -> dict[str, Any]:
        if name not in studio.pictures:
            raise HTTPException(404, "There is no such picture.")
        return studio.pictures[name]

    @app.get("/api/v1/pictures")
    def pictures(
        cursor: int = 0, limit: int = 60, favorite: bool | None = None, text: str = "", media: str = ""
    ) -> dict[str, Any]:
        newest = [item for item in reversed(studio.pictures.values()) if item["deleted"] is None]
        chosen = [item for item in newest if favorite is None or item["favorite"] == favorite]
        chosen = [
            item for item in chosen if text in json.dumps(item["recipe"]) and media in ("", item["media"])
        ]
        more = cursor + limit < len(chosen)
        return {"pictures": chosen[cursor : cursor + limit], "next": str(cursor + limit) if more else None}

    @app.get("/api/v1/pictures/{name}")
    def picture(name: str) -> dict[str, Any]:
        return found(name)

    @app.get("/api/v1/pictures/{name}/file")
    def picture_file(name: str) -> Response:
        found(name)
        return Response(jpeg(studio.images[name]), media_type="image/jpeg")

    @app.get("/api/v1/pictures/{name}/thumb")
    def thumb(name: str, side: int = 320) -> Response:
        found(name)
        image = studio.images[name].copy()
        image.thumbnail((side, side))
        return Response(jpeg(image), media_type="image/jpeg")


def add_changes(app: FastAPI, studio: Any) -> None:
    def found(name: str) -> dict[str, Any]:
        if name not in studio.pictures:
            raise HTTPException(404, "There is no such picture.")
        return studio.pictures[name]

    @app.get("/api/v1/pictures/{name}/recipe")
    def recipe(name: str) -> dict[str, Any]:
        return found(name)["recipe"]

    @app.patch("/api/v1/pictures/{name}")
    async def change(name: str, request: Request) -> dict[str, Any]:
        found(name).update(await request.json())
        return found(name)

    @app.delete("/api/v1/pictures/{name}", status_code=204)
    def delete(name: str) -> None:
        found(name)["deleted"] = time.time()

    @app.post("/api/v1/pictures/zip")
    async def zipped(request: Request) -> Response:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for name in (await request.json())["ids"]:
                archive.writestr(f"{name}.jpg", jpeg(studio.images[name]))
        return Response(file.getvalue(), media_type="application/zip")

    @app.post("/api/v1/pictures/{name}/restore")
    def restore(name: str) -> dict[str, Any]:
        found(name)["deleted"] = None
        return found(name)
