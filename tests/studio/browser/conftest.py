"""A browser, and studios for it: a stand-in that answers at once, and the real one that dreams."""

from __future__ import annotations

import base64
import importlib.util
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
pytest.importorskip("uvicorn", reason="the extra studio is not installed")

CHROMIUM = next(
    (path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None
)


DONE = "#canvas[data-state=done]"
RUNNING = "#canvas[data-state=running]"


def drop(page: Any, photo: Path, selector: str = "body") -> None:
    """Drop a picture on an element."""
    data = base64.b64encode(photo.read_bytes()).decode()
    transfer = page.evaluate_handle(
        """(data) => {
            const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "photo.jpg", { type: "image/jpeg" }));
            return transfer;
        }""",
        data,
    )
    page.dispatch_event(selector, "drop", {"dataTransfer": transfer})


def results(page: Any) -> Any:
    """Return how many results the first page shows."""
    return page.locator("#strip img").count()


@pytest.fixture(autouse=True)
def _no_child_is_left() -> None:
    """The browser lives as long as the tests of a module do."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is here: these tests need /usr/bin/chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an application in a thread on a free port; gives its address."""
    import uvicorn

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not server.started and time.monotonic() < until:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def stand_in() -> Any:
    """Return the module of the stand-in, which lies beside."""
    name = "stand_in_studio"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


class Stage:
    """A stand-in that is served: its address, and what it was asked for."""

    def __init__(self, address: str, studio: Any) -> None:
        self.address = address
        self.studio = studio


@pytest.fixture
def studio() -> Iterator[Stage]:
    module = stand_in()
    here = module.Studio(seconds=0.6)
    with serving(module.make_app(here)) as address:
        yield Stage(address, here)


@pytest.fixture
def open_page(browser: Any, studio: Stage) -> Iterator[Any]:
    """Open a page of the stand-in; errors in the browser, and requests to others, fail the test."""
    contexts, wrong = [], []

    def opened(path: str = "/", **options: Any) -> Any:
        given = {"viewport": {"width": 1440, "height": 900}, "locale": "en-US", **options}
        context = browser.new_context(**given)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)  # no test is to know how quick a machine is
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Content Security" in said.text else None)
        page.on("request", lambda asked: note_foreign(asked.url))
        page.goto(studio.address + path)
        return page

    def note_foreign(url: str) -> None:
        if not url.startswith((studio.address, "blob:", "data:")):
            wrong.append(f"asked for {url}")

    yield opened
    for context in contexts:
        context.close()
    assert not wrong, wrong


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture of 320 × 200 pixels in which nothing is alike."""
    image = Image.radial_gradient("L").resize((320, 200))
    path = tmp_path / "photo.jpg"
    Image.merge(
        "RGB",
        (
            image,
            image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
            Image.linear_gradient("L").resize((320, 200)),
        ),
    ).save(path)
    return path
