"""A real studio, a real network, a real browser: what somebody does on the first evening."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

DONE = "#canvas[data-state=done]"
COMMAND = "from batcountry.cli import main; main()"


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studio")
    log = folder / "said.txt"
    with log.open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "studio", "--folder", str(folder / "files"), "--port", "0"],
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        found, until = None, time.monotonic() + 120
        while found is None and time.monotonic() < until:
            assert process.poll() is None, log.read_text()
            found = re.search(r"http://[\d.]+:\d+", log.read_text())
            time.sleep(0.1)
        yield found[0]
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def page(browser, address):
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US")
    page = context.new_page()
    page.set_default_timeout(120_000)
    foreign, errors = [], []
    ours = (address, "blob:", "data:")
    page.on("request", lambda asked: None if asked.url.startswith(ours) else foreign.append(asked.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    page.wait_for_selector("#looks input:checked", state="attached")
    page.click("#fold-size summary")
    page.select_option("#size select", "512")
    yield page
    context.close()
    assert (foreign, errors) == ([], [])


# Who waits for a preview may look when there is a newer picture already.
WATCH_PREVIEWS = """new MutationObserver(() => {
  const preview = document.querySelector("#frame img.after[src*='/preview']");
  if (preview) sessionStorage.preview = preview.src;
}).observe(document, { subtree: true, childList: true, attributeFilter: ["src"] })"""


@pytest.mark.slow
def test_a_first_dream_is_seen_saved_found_deepened_deleted_and_had_back(page, address, photo):
    page.evaluate(WATCH_PREVIEWS)
    page.add_init_script(WATCH_PREVIEWS)
    page.set_input_files("#choose", photo)
    page.wait_for_selector("#canvas[data-state=running], #canvas[data-state=done]")
    page.reload()
    page.wait_for_selector(DONE)
    assert page.evaluate("sessionStorage.preview")
    page.click("#actions >> text=Save")
    with page.expect_download() as waiting:
        page.click("#actions >> text=PNG with the recipe")
    with Image.open(waiting.value.path()) as saved:
        assert saved.size == (320, 200)
        assert json.loads(saved.info["batcountry"])["recipe"]["layer"] == "blocks.10"
    page.click("#actions >> text=Go deeper")
    page.locator("#strip img").nth(1).wait_for()
    page.goto(address + "/gallery")
    page.locator(".tile button").nth(1).wait_for()
    page.locator(".tile button").first.click()
    page.click(".viewer >> text=Delete")
    page.click(".toast >> text=Undo")
    page.locator(".tile button").nth(1).wait_for()


@pytest.mark.slow
def test_a_dream_is_cancelled_in_mid_run_and_grows_only_where_it_was_painted(page, photo):
    page.set_input_files("#choose", photo)
    page.wait_for_selector("#canvas[data-state=running]")
    page.click("#actions >> text=Cancel")
    page.wait_for_selector("#canvas[data-state=cancelled]")
    page.click("#fold-mask summary")
    page.click("#mask >> text=Paint on the picture")
    box = page.locator("canvas.brush").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.6, steps=3)
    page.mouse.up()
    page.click("#painting >> text=Dream there")
    page.wait_for_selector(DONE)
    result = page.get_attribute("#frame img.after", "src")
    picture = Image.open(io.BytesIO(page.request.get(page.url.rstrip("/") + result).body())).convert("RGB")
    before = Image.open(photo).convert("RGB")

    def change(at):
        return max(abs(a - b) for a, b in zip(picture.getpixel(at), before.getpixel(at), strict=True))

    assert max(change((x, y)) for x in range(60, 85) for y in range(98, 122)) > 20
    assert max(change((x, 20)) for x in range(200, 320)) < 12
