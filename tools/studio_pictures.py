"""Make the pictures of the studio's pages that docs/studio.md shows: real dreams in a real browser.

    python tools/studio_pictures.py                       # writes docs/images/studio/ again; some minutes
    python tools/studio_pictures.py --folder /tmp/studio  # keeps the dreams there, so that the next time is quick

Each page is shown as a desk's screen and as a phone's, light and dark. It needs Playwright and a Chromium.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

DOCS = Path(__file__).parents[1] / "docs"
OUTPUT = DOCS / "images" / "studio"
SCREENS: dict[str, dict[str, Any]] = {
    "desk": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
DREAMS = (
    ("forest", "scales"),
    ("face", "weave"),
    ("sea", "eyes"),
    ("night", "objects"),
    ("still_life", "creatures"),
    ("snow", "strokes"),
    ("hills", "creatures"),
    ("clouds", "creatures"),
)
LAYER = "blocks.1"


@contextmanager
def studio(folder: Path) -> Iterator[str]:
    """Run the studio over a folder; gives its address."""
    command = [sys.executable, "-c", "from batcountry.cli import main; main()", "studio"]
    log = folder.with_name(folder.name + ".log")
    with log.open("w") as said:
        process = subprocess.Popen(
            [*command, "--folder", str(folder), "--port", "0"],
            stdout=said,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        while not (found := re.search(r"http://[\d.]+:\d+", log.read_text())):
            if process.poll() is not None:
                raise SystemExit("the studio did not start")
            time.sleep(0.1)
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def finished(client: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """Wait for a job, and return it."""
    while job["state"] in ("waiting", "running"):
        time.sleep(0.5)
        job = client.get(f"/jobs/{job['id']}").raise_for_status().json()
    if job["state"] != "done":
        raise SystemExit(f"{job['title']}: {job['sentence']}")
    return job


def asked(client: httpx.Client, path: str, **request: Any) -> dict[str, Any]:
    """Ask for a job, and wait for it."""
    return finished(client, client.post(path, json=request).raise_for_status().json())


def uploaded(client: httpx.Client, picture: Image.Image, name: str) -> str:
    """Send a picture; returns its id."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    sent = client.post("/uploads", files={"file": (f"{name}.png", file.getvalue(), "image/png")})
    return str(sent.raise_for_status().json()["id"])


def dream(client: httpx.Client) -> dict[str, Any]:
    """Have everything made that the pages show; returns what they are to begin with."""
    picture = runpy.run_path(str(DOCS / "look_pictures.py"))["picture"]
    looks = {look["name"]: look for look in client.get("/looks").json()}
    strip = []
    for name, look in DREAMS:
        source = {"upload": uploaded(client, picture(name).resize((480, 300)), name)}
        recipe = {**looks[look]["recipe"], "strength": "normal", "size": 480}
        job = asked(client, "/jobs", kind="dream", recipe=recipe, picture=source, title=looks[look]["title"])
        form = {"look": look, "strength": "normal", "patterns": 2, "size": 1024, "rest": {}}
        strip.insert(
            0, {"source": source, "width": 480, "height": 300, "form": form, "result": job["pictures"][0]}
        )
    second = {"seconds": 1}
    film = asked(client, "/jobs", kind="zoom", recipe={"size": 320}, options=second, title="The first second")
    network = f"/networks/{client.get('/networks').json()[0]['name']}"
    asked(client, f"{network}/draw", layers=[LAYER])
    first = strip[0]
    large = asked(
        client,
        "/jobs",
        kind="enlarge",
        recipe={},
        picture={"picture": first["result"]},
        options={"side": 960},
        title="Print size",
    )
    while not all(layer["picture"] for layer in client.get(network).json()["layers"] if layer["channels"]):
        time.sleep(1)  # they are drawn while nobody dreams
    return {
        "dream": {**first, "strip": strip},
        "motion": {"sky": True, "film": film["pictures"][0], "width": 320, "height": 180},
        "huge": large["pictures"][0],
        "gallery": first["result"],
    }


def show_layer(page: Page) -> None:
    """Open the layer whose channels are drawn."""
    page.click(f".layers [data-layer='{LAYER}']")
    page.locator(".channels img").nth(8).wait_for()


HAS_FRAME = 2  # of a video's `readyState`, from which on a picture is there


def show_film(page: Page) -> None:
    """Wait for the film's first frame."""
    page.wait_for_selector("#frame video")
    while page.evaluate("document.querySelector('#frame video').readyState") < HAS_FRAME:
        page.wait_for_timeout(50)


def hide_folder(page: Page) -> None:
    """Say the usual folder in place of the one where the pictures were made."""
    page.wait_for_selector("main dd")
    page.evaluate(
        "for (const each of document.querySelectorAll('dd')) if (each.textContent.startsWith('/'))"
        " each.textContent = '~/.local/share/bat-country/studio'"
    )


def pages(made: dict[str, Any]) -> dict[str, tuple[str, Callable[[Page], object]]]:
    """Return each picture's address, and what is waited for."""
    return {
        "begin": ("/", lambda page: page.wait_for_selector("#looks input:checked", state="attached")),
        "dream": ("/", lambda page: page.wait_for_selector("#canvas[data-state=done]")),
        "gallery": ("/gallery", lambda page: page.locator(".tile img").nth(8).wait_for()),
        "picture": (
            f"/gallery?picture={made['gallery']}",
            lambda page: page.wait_for_selector(".viewer[open] .after"),
        ),
        "motion": ("/motion", show_film),
        "huge": (f"/huge?picture={made['huge']}", lambda page: page.wait_for_selector("#frame img")),
        "see": ("/see", show_layer),
        "jobs": ("/jobs", lambda page: page.locator(".job img").nth(4).wait_for()),
        "settings": ("/settings", hide_folder),
    }


def shoot(browser: Browser, address: str, made: dict[str, Any]) -> None:
    """Write the pictures of all pages."""
    for screen, options in SCREENS.items():
        for scheme in ("light", "dark"):
            context = browser.new_context(
                color_scheme=scheme,
                reduced_motion="reduce",
                locale="en-US",
                **options,
            )
            for name, (path, ready) in pages(made).items():
                page = context.new_page()
                kept = {} if name == "begin" else {each: made[each] for each in ("dream", "motion")}
                page.add_init_script(
                    f"for (const [name, value] of Object.entries({json.dumps(kept)}))"
                    " localStorage.setItem(name, JSON.stringify(value))"
                )
                page.goto(address + path)
                ready(page)
                page.wait_for_load_state("load")
                page.wait_for_timeout(900)
                write(page.screenshot(), OUTPUT / f"{name}-{screen}-{scheme}.webp")
                page.evaluate("localStorage.clear()")
                page.close()
            context.close()


def write(screenshot: bytes, path: Path) -> None:
    """Keep a picture of a screen small."""
    with Image.open(io.BytesIO(screenshot)) as picture:
        picture.convert("RGB").resize(
            (min(1200, picture.width), picture.height * min(1200, picture.width) // picture.width),
            Image.Resampling.LANCZOS,
        ).save(path, quality=60, method=6)


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, help="a folder for the dreams, which is kept")
    folder = parser.parse_args().folder
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary, "studio")
        place.mkdir(parents=True, exist_ok=True)
        made_file = place / "made.json"
        with studio(place) as address, httpx.Client(base_url=f"{address}/api/v1", timeout=120) as client:
            if not made_file.exists():
                made_file.write_text(json.dumps(dream(client)))
            made = json.loads(made_file.read_text())
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                shoot(browser, address, made)
    total = sum(path.stat().st_size for path in OUTPUT.glob("*.webp"))
    print(f"{len(list(OUTPUT.glob('*.webp')))} pictures, {total / 1e6:.2f} MB in {OUTPUT}")


if __name__ == "__main__":
    main()
