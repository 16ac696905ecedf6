"""What the stand-in says of networks and of how the studio is set up."""

from __future__ import annotations

import io
import secrets
import time
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from PIL import Image

from batcountry.motion.recipes import VideoRecipe, ZoomRecipe
from batcountry.recipe import Recipe

LOOKS = ["Strokes", "Weave", "Scales", "Eyes", "Creatures", "Objects"]
LAYERS = ["stem", "blocks.1", "blocks.3", "blocks.5", "blocks.8", "blocks.10", "blocks.15"]
THEIRS = ["stem", "inception_3a", "inception_4c", "inception_5b"]
OURS = "efficientnet-lite0"
CLASSES = ["lion", "teapot", "castle", "golden retriever", "goldfish", "tabby cat", "steam locomotive"]


def jpeg(image: Image.Image) -> bytes:
    """Return the bytes of a JPEG."""
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", quality=85)
    return file.getvalue()


def ended(studio: Any, kind: str, pictures: list[str]) -> dict[str, Any]:
    """Add a job that is done, and return it."""
    name = secrets.token_urlsafe(8)
    now = time.time()
    job = {
        "id": name, "kind": kind, "title": "", "state": "done", "place": 1, "ahead": 0, "starts_in": None,
        "progress": None, "sentence": "", "created": now, "begun": now, "ended": now, "pictures": pictures,
        "preview": None, "recipe": {}, "source": None, "done": [],
    }  # fmt: skip
    studio.jobs[name] = job
    return job


def add_settings(app: FastAPI) -> None:
    """Add the recipe's schema, looks, and how the studio is set up."""

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
            "watch": {
                "inputs": "/home/me/drop",
                "outputs": "/home/me/dreams",
                "settings": None,
                "sentence": "",
            },
        }


def add_insides(app: FastAPI, studio: Any) -> None:
    """Add what is in networks; `studio.drawn` has the layers and channels that were drawn."""

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
            },
            {"name": "bvlc_googlenet", "title": "BVLC GoogLeNet", "classes": 1000, "here": True},
        ]

    @app.get("/api/v1/networks/{name}")
    def network(name: str) -> dict[str, Any]:
        place = f"/api/v1/networks/{name}/layers"
        layers = [
            {
                "name": layer,
                "channels": 24,
                "recommended": layer != "stem",
                "picture": f"{place}/{layer}/picture" if layer in studio.drawn else None,
            }
            for layer in (LAYERS if name == OURS else THEIRS)
        ]
        return {
            "name": name,
            "title": "EfficientNet-Lite0",
            "classes": 1000,
            "layers": layers,
            "default_layer": layers[-2]["name"],
        }

    @app.get("/api/v1/networks/{name}/classes")
    def classes(name: str, search: str = "") -> dict[str, Any]:
        return {"classes": [{"number": n, "name": text} for n, text in enumerate(CLASSES) if search in text]}

    @app.get("/api/v1/networks/{name}/layers/{layer}/channels")
    def channels(name: str, layer: str) -> dict[str, Any]:
        return {"channels": 24, "drawn": sorted(studio.drawn.get(f"channels of {layer}", ()))}

    @app.post("/api/v1/networks/{name}/draw", status_code=201)
    async def draw(name: str, request: Request) -> dict[str, Any]:
        layer = (await request.json())["layers"][0]
        studio.drawn[f"channels of {layer}"] = range(24)
        return ended(studio, "draw", [])

    @app.post("/api/v1/networks/{name}/see", status_code=201)
    async def see(name: str, request: Request) -> dict[str, Any]:
        layer = (await request.json())["layer"]
        job = ended(studio, "see", ["sheet"])
        recipe = {"dream": {"model": name, "layer": layer}, "channels": [7, 3, 20, 1]}
        studio.add("sheet", Image.new("RGB", (300, 200), "gray"), {**job, "recipe": recipe})
        studio.pictures["sheet"].update(media="sheet", recipe=recipe)
        return job

    @app.get("/api/v1/networks/{name}/layers/{layer}/picture")
    def layer_picture(name: str, layer: str) -> Response:
        return Response(jpeg(Image.new("RGB", (192, 192), "teal")), media_type="image/jpeg")

    @app.get("/api/v1/networks/{name}/layers/{layer}/channels/{n}/picture")
    def channel(name: str, layer: str, n: int) -> Response:
        return Response(jpeg(Image.new("HSV", (96, 96), (n * 10 % 256, 110, 180))), media_type="image/jpeg")
