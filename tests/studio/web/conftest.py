"""A studio that answers in this process, without workers, and what tests put into it."""

import io
import json
import os

import pytest
from PIL import Image, PngImagePlugin
from starlette.testclient import TestClient

from batcountry.jobs.spec import JobSpec
from batcountry.studio.settings import StudioSettings
from batcountry.studio.store.pictures import NewPicture, add_pictures
from batcountry.studio.web.app import create_app
from studio_server import ADDRESS, Studio

PNG = "image/png"


def settings_in(folder, **more):
    limits = {"max_pixels": 1 << 20, "max_frames": 20, "max_film_seconds": 2, "max_upload_bytes": 1 << 20}
    rates = {"uploads_per_minute": 10_000, "jobs_per_minute": 10_000}
    return StudioSettings(**{"folder": folder, **limits, **rates, **more})


@pytest.fixture(autouse=True)
def _no_child_is_left():
    """A studio's decoders live as long as it does; `open_studio` looks whether they end with it."""


@pytest.fixture(scope="module")
def open_studio(tmp_path_factory):
    """Opens a studio with other settings."""
    opened = []

    def start(**more):
        app = create_app(settings_in(tmp_path_factory.mktemp("studio") / "files", **more))
        client = TestClient(app, base_url=ADDRESS, raise_server_exceptions=False)
        client.__enter__()
        opened.append(client)
        return Studio(client)

    yield start
    for each in opened:
        each.__exit__(None, None, None)
    if hasattr(os, "waitid"):
        with pytest.raises(ChildProcessError):  # there is none to wait for
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)


@pytest.fixture(scope="module")
def studio(open_studio):
    """One studio for all tests that do not mind what others put into it."""
    return open_studio()


@pytest.fixture(scope="session")
def add_picture():
    """Puts a result into a studio's gallery, as a worker does, and returns its id."""

    def add(studio, color="red", recipe=None, size=(64, 48), **more):
        here = studio.here
        recipe = {"layer": "blocks.5"} if recipe is None else recipe
        job = here.queue.submit(JobSpec(kind="dream", recipe=recipe, outputs={}))
        path = here.folder.result(job.id)
        note = PngImagePlugin.PngInfo()
        note.add_text("batcountry", json.dumps({"recipe": recipe}))
        Image.new("RGB", size, color).save(path, "PNG", pnginfo=note)
        facts = {
            "name": "picture",
            "file": here.folder.relative(path),
            "media": "picture",
            "width": size[0],
            "height": size[1],
            "bytes": path.stat().st_size,
            "network": "efficientnet-lite0",
            "layer": "blocks.5",
            "recipe": json.dumps(recipe),
            **more,
        }
        with here.database.writing() as connection:
            (id,) = add_pictures(connection, job.id, [NewPicture(**facts)], here.database.clock())
        here.queue.wish(job.id, "cancel")
        return id

    return add


@pytest.fixture(scope="session")
def photo():
    """A PNG that is not the same all over."""
    image = Image.radial_gradient("L").resize((40, 30)).convert("RGB")
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
