"""The studio: how soon it is there, what it takes when nothing happens, many viewers at once, and the first preview.

Each part starts a studio of its own in an empty folder. Viewers are in one process beside it, on the same machine, which
the dream, the studio and they share: each follows the events and every five seconds turns a page of a gallery of 10,000
(60 pictures) and loads three small pictures that are new to it.

    make bench-studio
    make bench-studio ARGS="--only viewers"
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import torch
from PIL import Image

from batcountry.image.sky import sky
from batcountry.jobs.spec import JobSpec, json_of
from batcountry.recipe import Recipe
from batcountry.studio.settings import StudioSettings
from batcountry.studio.store.pictures import NewPicture, add_pictures
from batcountry.studio.web.studio import Studio

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "studio.md"
PICTURES, VIEWERS, PERIOD, THUMBS = 10_000, 200, 5.0, 3
SIDE = 1024
TITLES = {
    "start": "Start to page",
    "idle": "Memory",
    "preview": "First preview",
    "viewers": "Viewers",
}


class Running:
    """A studio that runs, and how to ask it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.begun = folder, time.monotonic()
        code = "from batcountry.cli import main; main()"
        command = [sys.executable, "-c", code, "studio", "--folder", str(folder), "--port", "0", *options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "400"}
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.port = int(line.split("127.0.0.1:")[1].split(",")[0].split()[0])

    def ask(self, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
        """Send a request and return what is answered."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, {"Content-Type": kind})
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.read()  # type: ignore[no-any-return]

    def json(self, path: str, value: object = None) -> Any:
        """Send JSON, or ask for it."""
        return json.loads(self.ask("/api/v1" + path, None if value is None else json.dumps(value).encode()))

    def upload(self, data: bytes) -> str:
        """Send a picture, and return its id."""
        form = (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n\r\n%b\r\n--x--\r\n'
            % data
        )
        return str(json.loads(self.ask("/api/v1/uploads", form, "multipart/form-data; boundary=x"))["id"])

    def dream(self, upload: str, **recipe: object) -> str:
        """Give it a dream, and return the job's id."""
        return str(
            self.json("/jobs", {"picture": {"upload": upload}, "recipe": {"size": SIDE, **recipe}})["id"]
        )

    def done(self, job: str) -> float:
        """Wait for a job, and return the seconds that it took by the studio's own account."""
        while (found := self.json(f"/jobs/{job}"))["state"] in ("waiting", "running"):
            time.sleep(0.1)
        assert found["state"] == "done", found
        return float(found["ended"] - found["begun"])

    def processes(self) -> list[psutil.Process]:
        """Return the server's process and its children."""
        server = psutil.Process(self.process.pid)
        return [server, *server.children(recursive=True)]

    def memory(self) -> float:
        """Return the megabytes of the server and its children, each page that they share counted once."""
        sizes = []
        for each in self.processes():
            with suppress(psutil.Error):
                sizes.append(getattr(each.memory_full_info(), "pss", each.memory_info().rss))
        return sum(sizes) / 1e6

    def has_worker(self) -> bool:
        """Whether there is a worker's process."""
        found = False
        for each in self.processes():
            with suppress(psutil.Error):
                found |= "batcountry.studio.worker" in each.cmdline()
        return found


@contextmanager
def running(*options: str, fill: int = 0) -> Iterator[Running]:
    """Run a studio in a folder of its own, with so many pictures in its gallery."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "studio"
        if fill:
            asyncio.run(filled(place, fill))
        studio = Running(place, *options)
        try:
            yield studio
        finally:
            studio.process.terminate()
            studio.process.wait()


async def filled(folder: Path, count: int) -> None:
    """Put pictures into a gallery, which share one file."""
    studio = Studio.open(StudioSettings(folder=folder))
    recipe = json.dumps(json_of(Recipe()))
    job = studio.queue.submit(JobSpec(kind="dream"))
    studio.queue.wish(job.id, "cancel")
    file = folder / "pictures" / "sky.png"
    Image.fromarray(sky(512, 400)).save(file)
    facts = {
        "width": 512,
        "height": 400,
        "bytes": 1000,
        "network": "efficientnet-lite0",
        "layer": "blocks.10",
    }
    new = [NewPicture(f"p{n}", "pictures/sky.png", "picture", recipe=recipe, **facts) for n in range(count)]  # type: ignore[arg-type]
    with studio.database.writing() as connection:
        add_pictures(connection, job.id, new, time.time())
    await studio.close()


def photo() -> bytes:
    """Return a JPEG of a sky with the usual side of a result."""
    out = io.BytesIO()
    Image.fromarray(sky(SIDE, SIDE * 3 // 4)).save(out, "JPEG")
    return out.getvalue()


def start(times: int = 5) -> str:
    """Measure from the command to the page's last byte."""
    taken = []
    for _ in range(times):
        with running() as studio:
            studio.ask("/")
            taken.append(time.monotonic() - studio.begun)
    middle, most = statistics.median(taken), max(taken)
    return (
        f"From the command to the whole page: {middle:.2f} s (median of {times}; the slowest {most:.2f} s)."
    )


def idle(seconds: int = 20) -> str:
    """Measure memory before the first dream, after it, and after a time without work."""
    rows = []
    with running("--idle", str(seconds)) as studio:
        time.sleep(5)
        rows.append(("nobody has come yet", studio.memory()))
        studio.ask("/gallery")
        studio.json("/pictures")
        rows.append(("somebody looked at the gallery", studio.memory()))
        studio.done(studio.dream(studio.upload(photo()), octaves=1, iterations=1))
        rows.append(("right after a dream", studio.memory()))
        begun = time.monotonic()
        while studio.has_worker():
            time.sleep(0.5)
        rows.append(
            (
                f"{time.monotonic() - begun:.0f} s later, without a worker (`--idle {seconds}`)",
                studio.memory(),
            )
        )
    table = "\n".join(f"| {when} | {mb:.0f} |" for when, mb in rows)
    return f"Of the server with all its children; what they share counts once (PSS).\n\n| when | MB |\n| --- | ---: |\n{table}"


def preview(times: int = 3) -> str:
    """Measure from a job's request to the event that tells of its first preview."""
    cold, warm = [], []
    for _ in range(times):
        with running() as studio:
            cold.append(first_preview(studio, studio.upload(photo())))
            warm += [first_preview(studio, studio.upload(photo())) for _ in range(2)]
    rows = [("worker that was started by the upload a moment ago", cold), ("worker that is ready", warm)]
    table = "\n".join(f"| {name} | {statistics.median(each):.2f} | {max(each):.2f} |" for name, each in rows)
    head = f"From `POST /jobs` to the event of the first preview; a dream of {SIDE} pixels as the page asks for it."
    return f"{head}\n\n| | median, s | slowest, s |\n| --- | ---: | ---: |\n{table}"


def first_preview(studio: Running, upload: str) -> float:
    """Return the seconds until a new job's first preview, and cancel it."""
    after = studio.json("/events/since")["last"]
    begun = time.monotonic()
    job = studio.dream(upload)
    while True:
        found = studio.json(f"/events/since?after={after}&wait=10")
        after = found["last"]
        if any(each["kind"] == "preview" for each in found["events"]):
            break
    seconds = time.monotonic() - begun
    studio.ask(f"/api/v1/jobs/{job}/cancel", b"{}")
    while studio.json(f"/jobs/{job}")["state"] == "running":
        time.sleep(0.1)
    return seconds


def viewers(seconds: float = 25) -> str:
    """Measure replies to many viewers while a dream runs, and how much longer it takes with them."""
    with running(fill=PICTURES) as studio:
        upload = studio.upload(photo())
        studio.done(studio.dream(upload, octaves=1, iterations=1))
        steps = round(20 * seconds / studio.done(studio.dream(upload, size=512, iterations=20)))
        alone = [studio.done(studio.dream(upload, size=512, iterations=steps))]
        server = studio.processes()[0]
        own, before, begun = time.process_time(), sum(server.cpu_times()[:2]), time.monotonic()
        job = studio.dream(upload, size=512, iterations=steps)
        times = asyncio.run(crowd(studio, job))
        crowd_share = (time.process_time() - own) / (time.monotonic() - begun)
        with_viewers = studio.done(job)
        share = (sum(server.cpu_times()[:2]) - before) / (time.monotonic() - begun)
        alone.append(studio.done(studio.dream(upload, size=512, iterations=steps)))
    slower = with_viewers / statistics.mean(alone) - 1
    table = "\n".join(
        f"| {name} | {len(each)} | {at(each, 0.5):.0f} | {at(each, 0.95):.0f} | {max(each) * 1e3:.0f} |"
        for name, each in times.items()
    )
    head = (
        "| | replies | median, ms | 95th percentile, ms | slowest, ms |\n| --- | ---: | ---: | ---: | ---: |"
    )
    took = f"The dream took {with_viewers:.1f} s with them; {alone[0]:.1f} s before and {alone[1]:.1f} s after without"
    return (
        f"{VIEWERS} viewers of {PICTURES:,} pictures while a dream runs.\n\n{head}\n{table}\n\n"
        f"{took}: {slower:+.0%}. The server took {share:.0%} of a core, the viewers {crowd_share:.0%}."
    )


def at(times: list[float], share: float) -> float:
    """Return a percentile in milliseconds."""
    return sorted(times)[int(len(times) * share)] * 1e3


async def crowd(studio: Running, job: str) -> dict[str, list[float]]:
    """Let viewers look until a job ends, and return how long each reply took."""
    times: dict[str, list[float]] = {"page of the gallery": [], "small picture": []}
    ids = [each["id"] for each in studio.json("/pictures?limit=60")["pictures"]]
    for id in ids:
        studio.ask(f"/api/v1/pictures/{id}/thumb")
    over = asyncio.Event()
    looking = [asyncio.create_task(viewer(studio, place, ids, times, over)) for place in range(VIEWERS)]
    while (await asyncio.to_thread(studio.json, f"/jobs/{job}"))["state"] in ("waiting", "running"):
        await asyncio.sleep(0.5)
    over.set()
    await asyncio.gather(*looking)
    return times


async def viewer(
    studio: Running, place: int, ids: list[str], times: dict[str, list[float]], over: asyncio.Event
) -> None:
    """Look at the gallery as a browser does: events on one connection, all else on another that stays open."""
    await asyncio.sleep(PERIOD * place / VIEWERS)
    events = asyncio.create_task(followed(studio))
    reader, writer = await asyncio.open_connection("127.0.0.1", studio.port, limit=1 << 22)
    cursor = ""
    while not over.is_set():
        begun = time.monotonic()
        page = json.loads(await got(reader, writer, f"/api/v1/pictures?cursor={cursor}"))
        times["page of the gallery"].append(time.monotonic() - begun)
        cursor = page["next"] or ""
        for id in random.sample(ids, THUMBS):
            begun = time.monotonic()
            await got(reader, writer, f"/api/v1/pictures/{id}/thumb")
            times["small picture"].append(time.monotonic() - begun)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(over.wait(), PERIOD)
    writer.close()
    events.cancel()


async def got(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> bytes:
    """Ask for a path on an open connection."""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    assert " 200 " in head.splitlines()[0], head
    return await reader.readexactly(int(head.split("content-length:")[1].split()[0]))


async def followed(studio: Running) -> None:
    """Follow the events."""
    reader, writer = await asyncio.open_connection("127.0.0.1", studio.port)
    writer.write(b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    try:
        while await reader.read(1 << 16):
            pass
    finally:
        writer.close()


def machine() -> str:
    """Return what was measured on, and how busy it was with other things."""
    from batcountry.backend.version import __version__

    load = f", load of others before {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    cores = os.cpu_count()
    return (
        f"{platform.system()} {platform.machine()}, {cores} cores ({torch.backends.cpu.get_cpu_capability()}), "
        f"Python {platform.python_version()}, torch {torch.__version__}, bat-country {__version__}{load}"
    )


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=TITLES, action="append")
    chosen = parser.parse_args().only or list(TITLES)
    parts = {"start": start, "idle": idle, "preview": preview, "viewers": viewers}
    kept = (
        dict(each.split("\n\n", 1) for each in RESULTS.read_text("utf-8").split("\n## ")[1:])
        if RESULTS.exists()
        else {}
    )
    for name in chosen:
        where = machine()
        said = parts[name]()
        print(f"{TITLES[name]} ({where})\n{said}\n", flush=True)
        kept[TITLES[name]] = f"{where}\n\n{said}\n"
        text = "".join(f"\n## {title}\n\n{kept[title]}" for title in TITLES.values() if title in kept)
        RESULTS.write_text(f"# The studio\n{text}", "utf-8")


if __name__ == "__main__":
    main()
