"""A small stand-in for the studio's API: pages are looked at and tried with it, without a network or a dream."""

from __future__ import annotations

import asyncio
import io
import json
import secrets
import sys
import time
from pathlib import Path
from typing import Any

from fastapi import FastAPI, File, HTTPException, Query, Request, UploadFile
from fastapi.responses import JSONResponse, Response, StreamingResponse
from PIL import Image, ImageFilter, ImageOps

from batcountry.recipe import Recipe
from batcountry.studio.web.pages import router

sys.path.insert(0, str(Path(__file__).parent))
from stand_in_networks import LAYERS, add_insides, add_settings, jpeg
from stand_in_pictures import add_changes, add_pictures

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


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
        self.drawn: dict[str, Any] = {}
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
    add_pictures(app, studio)
    add_changes(app, studio)
    add_settings(app)
    add_insides(app, studio)
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


def serve(port: int, seconds: float = 2.0) -> None:
    """Serve the stand-in on a port."""
    import uvicorn

    uvicorn.run(make_app(Studio(seconds)), port=port, log_level="warning")


if __name__ == "__main__":
    import sys

    serve(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 4.0)
