"""A small stand-in for the studio's API: pages are looked at and tried with it, without a network or a dream."""

from __future__ import annotations

import asyncio
import io
import json
import secrets
import time
import zipfile
from typing import Any

from fastapi import FastAPI, File, HTTPException, Query, Request, UploadFile
from fastapi.responses import JSONResponse, Response, StreamingResponse
from PIL import Image, ImageFilter, ImageOps

from batcountry.motion.recipes import VideoRecipe, ZoomRecipe
from batcountry.recipe import Recipe
from batcountry.studio.web.pages import router

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
LOOKS = ["Strokes", "Weave", "Scales", "Eyes", "Creatures", "Objects"]
LAYERS = ["stem", "blocks.1", "blocks.3", "blocks.5", "blocks.8", "blocks.10", "blocks.15"]
CLASSES = ["lion", "teapot", "castle", "golden retriever", "goldfish", "tabby cat", "steam locomotive"]


def jpeg(image: Image.Image) -> bytes:
    """Return the bytes of a JPEG."""
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=85)
    return file.getvalue()


def dreamed(image: Image.Image, share: float) -> Image.Image:
    """Return a picture changed the more, the larger `share` is."""
    other = ImageOps.posterize(image.filter(ImageFilter.EMBOSS), 4)
    return Image.blend(image, Image.blend(ImageOps.invert(other), image, 0.35), share)


class Studio:
    """What the stand-in remembers, in memory."""

    def __init__(self, seconds: float = 2.0) -> None:
        self.seconds = seconds
        self.uploads: dict[str, Image.Image] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.pictures: dict[str, dict[str, Any]] = {}
        self.images: dict[str, Image.Image] = {}
        self.previews: dict[str, Image.Image] = {}
        self.events: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.tasks: set[asyncio.Task[None]] = set()

    def say(self, kind: str, job: str, **data: object) -> None:
        """Add an event."""
        body = {"version": 1, "job": job, **data}
        self.events.append({"id": len(self.events) + 1, "kind": kind, "data": body})

    def image(self, source: dict[str, str] | None) -> Image.Image:
        """Return the picture of a source."""
        if source is None:
            return Image.linear_gradient("L").resize((1024, 576)).convert("RGB")
        if "upload" in source:
            return self.uploads[source["upload"]]
        return self.images[source["picture"]]

    async def dream(self, job: dict[str, Any]) -> None:
        """Go through a job's states with previews on the way."""
        image = self.image(job["source"])
        image.thumbnail((1024, 1024))
        steps = 12
        while job["state"] in ("waiting", "running", "paused") and len(job["done"]) < steps:
            await asyncio.sleep(self.seconds / steps)
            if job["state"] == "paused":
                continue
            if job["state"] == "cancelled":
                break
            job["state"] = "running"
            job["done"].append(1)
            n = len(job["done"])
            self.previews[job["id"]] = dreamed(image, n / steps)
            job["preview"] = f"/api/v1/jobs/{job['id']}/preview?n={n}"
            job["progress"] = {
                "done": n / steps,
                "where": f"octave {1 + n // 4} of 4",
                "octave": min(4, 1 + n // 4),
                "octaves": 4,
                "seconds_left": (steps - n) * self.seconds / steps,
            }
            self.say("progress", job["id"], progress=job["progress"])
            self.say("preview", job["id"], preview=job["preview"])
        if job["state"] == "running":
            picture = secrets.token_urlsafe(8)
            self.add(picture, dreamed(image, 1), job)
            job.update(state="done", ended=time.time(), pictures=[picture])
        self.say("job", job["id"], state=job["state"])

    def fill(self, count: int) -> None:
        """Put so many finished dreams into the gallery, the last one made the newest."""
        for n in range(count):
            job = {"id": f"job{n:04}", "recipe": {"layer": LAYERS[n % 7], "seed": n}, "source": None}
            image = Image.new("HSV", (160, 90 + n * 37 % 140), (n * 23 % 256, 140, 190)).convert("RGB")
            self.add(f"picture{n:04}", image, job)

    def add(self, name: str, image: Image.Image, job: dict[str, Any]) -> None:
        """Add a picture to the gallery."""
        self.images[name] = image
        self.pictures[name] = {
            "id": name,
            "name": f"{name}.png",
            "media": "picture",
            "width": image.width,
            "height": image.height,
            "bytes": 123456,
            "created": time.time(),
            "network": "efficientnet-lite0",
            "layer": job["recipe"].get("layer", "blocks.10"),
            "favorite": False,
            "deleted": None,
            "job": job["id"],
            "source": job["source"],
            "recipe": {"model": "efficientnet-lite0", **job["recipe"]},
        }


def shown(job: dict[str, Any]) -> dict[str, Any]:
    """Return a job as the API gives it."""
    return {key: value for key, value in job.items() if key != "done"}


def make_app(studio: Studio) -> FastAPI:
    """Return an application with the pages and the stand-in."""
    app = FastAPI()
    app.include_router(router)
    app.state.last_event = lambda: len(studio.events)

    @app.middleware("http")
    async def policy(request: Request, call_next: Any) -> Response:
        response = await call_next(request)
        response.headers["Content-Security-Policy"] = POLICY
        return response

    @app.exception_handler(HTTPException)
    async def sentence(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"detail": error.detail}, error.status_code)

    _uploads(app, studio)
    _jobs(app, studio)
    _events(app, studio)
    _pictures(app, studio)
    _changes(app, studio)
    _networks(app)
    return app


def _uploads(app: FastAPI, studio: Studio) -> None:
    @app.post("/api/v1/uploads", status_code=201)
    async def upload(file: UploadFile = File()) -> dict[str, Any]:  # noqa: B008
        try:
            image = ImageOps.exif_transpose(Image.open(io.BytesIO(await file.read()))).convert("RGB")
        except OSError:
            raise HTTPException(415, "This is no picture that the studio can read.") from None
        name = secrets.token_urlsafe(8)
        studio.uploads[name] = image
        return {"id": name, "name": file.filename, "width": image.width, "height": image.height}

    @app.get("/api/v1/uploads/{name}/file")
    def upload_file(name: str, side: int = 1024) -> Response:
        image = studio.uploads[name].copy()
        image.thumbnail((side, side))
        return Response(jpeg(image), media_type="image/jpeg")


def _jobs(app: FastAPI, studio: Studio) -> None:
    def found(name: str) -> dict[str, Any]:
        if name not in studio.jobs:
            raise HTTPException(404, "There is no such job.")
        return studio.jobs[name]

    @app.post("/api/v1/jobs", status_code=201)
    async def submit(request: Request) -> dict[str, Any]:
        asked = await request.json()
        studio.requests.append(asked)
        Recipe.of(dict(asked["recipe"]))
        name = secrets.token_urlsafe(8)
        job = {
            "id": name,
            "kind": asked["kind"],
            "title": asked["title"],
            "state": "waiting",
            "place": 1,
            "ahead": 0,
            "starts_in": 0,
            "progress": None,
            "sentence": "",
            "created": time.time(),
            "begun": None,
            "ended": None,
            "pictures": [],
            "preview": None,
            "recipe": asked["recipe"],
            "source": asked["picture"],
            "done": [],
        }
        studio.jobs[name] = job
        studio.say("job", name, state="waiting")
        task = asyncio.create_task(studio.dream(job))
        studio.tasks.add(task)
        task.add_done_callback(studio.tasks.discard)
        return shown(job)

    @app.get("/api/v1/jobs")
    def jobs(state: list[str] = Query(default=[]), limit: int = 60) -> dict[str, Any]:  # noqa: B008
        chosen = [shown(job) for job in studio.jobs.values() if not state or job["state"] in state]
        return {"jobs": chosen[::-1][:limit], "next": None}

    @app.get("/api/v1/jobs/{name}")
    def job(name: str) -> dict[str, Any]:
        return shown(found(name))

    @app.get("/api/v1/jobs/{name}/preview")
    def preview(name: str) -> Response:
        return Response(jpeg(studio.previews[name]), media_type="image/jpeg")

    @app.get("/api/v1/jobs/{name}/log")
    def log(name: str) -> dict[str, str]:
        return {"log": f"log of {name}\noctave 1 of 4\n", "sentence": ""}

    @app.post("/api/v1/jobs/{name}/{wish}")
    async def wish(name: str, wish: str) -> dict[str, Any]:
        job = found(name)
        states = {"cancel": "cancelled", "pause": "paused", "resume": "running", "retry": "waiting"}
        job["state"] = states.get(wish, job["state"])
        studio.say("job", name, state=job["state"])
        return shown(job)


def _events(app: FastAPI, studio: Studio) -> None:
    @app.get("/api/v1/events/since")
    async def since(after: int | None = None, wait: float = 0) -> dict[str, Any]:
        at = len(studio.events) if after is None else after
        until = time.monotonic() + wait
        while len(studio.events) <= at and time.monotonic() < until:
            await asyncio.sleep(0.05)
        return {"events": studio.events[at:], "last": len(studio.events), "reset": False}

    @app.get("/api/v1/events")
    async def events(request: Request, after: int | None = None) -> StreamingResponse:
        async def lines() -> Any:
            at = len(studio.events) if after is None else after
            yield ": hello\n\n"
            while not await request.is_disconnected():
                for event in studio.events[at:]:
                    data = json.dumps(event["data"])
                    yield f"id: {event['id']}\nevent: {event['kind']}\ndata: {data}\n\n"
                at = len(studio.events)
                await asyncio.sleep(0.05)

        return StreamingResponse(lines(), media_type="text/event-stream")


def _pictures(app: FastAPI, studio: Studio) -> None:
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


def _changes(app: FastAPI, studio: Studio) -> None:
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


def _networks(app: FastAPI) -> None:
    @app.get("/api/v1/recipe")
    def recipe(kind: str = "dream") -> dict[str, Any]:
        options = {"zoom": ZoomRecipe, "video": VideoRecipe}.get(kind)
        fields = options.model_json_schema() if options else {"properties": {}}
        fields["properties"] = {k: v for k, v in fields["properties"].items() if k not in ("dream", "kind")}
        return {**Recipe.model_json_schema(), "options": {"properties": fields["properties"]}}

    @app.get("/api/v1/looks")
    def looks() -> list[dict[str, Any]]:
        layers = zip(LOOKS, LAYERS, strict=False)
        return [
            {
                "name": t.lower(),
                "title": t,
                "recipe": {"layer": layer},
                "picture": f"/api/v1/looks/{t.lower()}/picture",
            }
            for t, layer in layers
        ]

    @app.get("/api/v1/looks/{name}/picture")
    def look_picture(name: str) -> Response:
        hue = [look.lower() for look in LOOKS].index(name) * 42
        return Response(jpeg(Image.new("HSV", (120, 120), (hue, 120, 170))), media_type="image/jpeg")

    @app.get("/api/v1/networks")
    def networks() -> list[dict[str, Any]]:
        return [
            {
                "name": "efficientnet-lite0",
                "title": "EfficientNet-Lite0",
                "classes": 1000,
                "here": True,
                "license": "Apache-2.0",
                "trained_on": "ImageNet",
                "bytes": 18_000_000,
            }
        ]

    @app.get("/api/v1/networks/{name}")
    def network(name: str) -> dict[str, Any]:
        layers = [{"name": layer, "channels": 24} for layer in LAYERS]
        return {"name": name, "title": "EfficientNet-Lite0", "classes": 1000, "layers": layers}

    @app.get("/api/v1/networks/{name}/classes")
    def classes(name: str, search: str = "") -> dict[str, Any]:
        return {"classes": [{"index": n, "name": text} for n, text in enumerate(CLASSES) if search in text]}

    @app.get("/api/v1/networks/{name}/layers/{layer}/channels/{n}/picture")
    def channel(name: str, layer: str, n: int) -> Response:
        return Response(jpeg(Image.new("HSV", (96, 96), (n * 10 % 256, 110, 180))), media_type="image/jpeg")

    @app.get("/api/v1/settings")
    def settings() -> dict[str, Any]:
        return {
            "version": "1.0",
            "devices": ["2 cores"],
            "memory_total": 8_000_000_000,
            "memory_free": 6_700_000_000,
            "folder": "/home/me/studio",
            "used_bytes": 412_000_000,
            "quota_bytes": 20_000_000_000,
            "drop_oldest": False,
            "disk_free": 81_000_000_000,
            "pictures": 28,
            "max_upload_bytes": 64_000_000,
            "max_pixels": 100_000_000,
            "max_film_seconds": 600,
            "max_queue": 200,
            "queue": {"waiting": 2, "running": 1},
            "idle_seconds": 600,
        }


def serve(port: int, seconds: float = 2.0) -> None:
    """Serve the stand-in on a port."""
    import uvicorn

    uvicorn.run(make_app(Studio(seconds)), port=port, log_level="warning")


if __name__ == "__main__":
    import sys

    serve(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 4.0)
