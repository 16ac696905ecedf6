"""Kill the studio's worker, its server, or both at random moments over a queue of jobs of all kinds, and look at the end.

    python tools/studio_kill_test.py --kills 100 --jobs 20 --seed 3

The same jobs are done once undisturbed. Then they are queued again under the same ids, and processes are killed with SIGKILL
while there is work; when all is done before enough were killed, the jobs are queued anew. In the end each job has to be done,
its results have to be in the gallery once and be the very same files, and nothing else may lie beside them. A job that is set
aside, as it was killed twice in one place, is tried again as a person would do. Leaves with 1 if anything is lost, doubled or
damaged.
"""

from __future__ import annotations

import argparse
import os
import random
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from batcountry.jobs.spec import InputFile, JobSpec, Machine, OutputPlace
from batcountry.studio.places import StudioFolder, new_id
from batcountry.studio.settings import StudioSettings
from batcountry.studio.store.database import Database
from batcountry.studio.store.events import EventLog
from batcountry.studio.store.pictures import Filter, Pictures
from batcountry.studio.store.queue import Queue

_JOBS = runpy.run_path(str(Path(__file__).with_name("kill_test.py")))
DREAM = {"layer": "blocks.2", "precision": "exact", "octaves": 2, "iterations": 4}

SERVER = """
import sys
from batcountry.studio.settings import StudioSettings
from batcountry.studio.worker.alone import supervise
supervise(StudioSettings(folder=sys.argv[1], devices=("cpu",)))
"""

Places = Callable[[str, str], OutputPlace]
"""Returns where an output goes, of its name and suffix."""


def _dream(inputs: Path, places: Places, seed: int) -> JobSpec:
    recipe = {
        **DREAM,
        "octaves": 3,
        "iterations": 8,
        "optimizer": "adam",
        "transforms": f"noise(2, {seed + 5})",
    }
    return _spec("dream", recipe, inputs, picture=places("picture", ".png"))


def _on_disk(inputs: Path, places: Places, seed: int) -> JobSpec:
    outputs = {"picture": places("picture", ".tif"), "deepzoom": places("deepzoom", "")}
    return _spec("dream-on-disk", {**DREAM, "tile": 96, "seed": seed}, inputs, **outputs)


def _visualize(_: Path, places: Places, seed: int) -> JobSpec:
    dream = {**DREAM, "iterations": 12, "seed": seed, "start": "noise", "canvas": "80x96"}
    outputs = {"picture": places("picture", ".png"), "plot": places("plot", ".png")}
    return _spec("visualize", {"dream": dream, "every": 5}, None, **outputs)


def _zoom(inputs: Path, places: Places, seed: int) -> JobSpec:
    recipe = {"dream": {**DREAM, "seed": seed}, "frames": 10}
    return _spec("zoom", recipe, inputs, film=places("film", ".mp4"))


def _video(inputs: Path, places: Places, seed: int) -> JobSpec:
    clip = inputs / "clip.mp4"
    if not clip.exists():
        _JOBS["_clip"](clip, (90, 120), 8)
    spec = _spec("video", {"dream": {**DREAM, "seed": seed}}, None, film=places("film", ".mkv"))
    return spec.changed(inputs={"video": InputFile(path=str(clip), name="clip.mp4")})


def _atlas(_: Path, places: Places, seed: int) -> JobSpec:
    dream = {"param": "soft-fourier", "optimizer": "adam", "step_size": 0.05, "start": "pink", "seed": seed}
    small = {**dream, "precision": "exact", "octaves": 1, "iterations": 4, "canvas": "32x32"}
    return _spec("atlas", {"dream": small, "layers": ["stem"], "batch": 8}, None, atlas=places("atlas", ""))


CASES = {
    "dream": _dream,
    "dream-on-disk": _on_disk,
    "visualize": _visualize,
    "zoom": _zoom,
    "video": _video,
    "atlas": _atlas,
}


def _spec(kind: str, recipe: dict[str, Any], inputs: Path | None, **outputs: OutputPlace) -> JobSpec:
    photo = {} if inputs is None else {"picture": InputFile(path=str(inputs / "photo.png"), name="photo.png")}
    if inputs is not None and not (inputs / "photo.png").exists():
        _JOBS["_picture"](inputs / "photo.png", (97, 131))
    machine = Machine(save_seconds=0.1, threads=1)
    return JobSpec(kind=kind, recipe=recipe, inputs=photo, outputs=outputs, machine=machine)


@dataclass
class Studio:
    """A studio's folder with its queue, and the process that serves it."""

    folder: Path
    ids: dict[str, str] = field(default_factory=dict)
    server: subprocess.Popen[bytes] | None = None
    aside: int = 0

    def __post_init__(self) -> None:
        self.settings = StudioSettings(folder=self.folder, devices=("cpu",))
        self.places: StudioFolder = self.settings.places.make()
        self.database = Database(self.settings.database_url)
        self.queue = Queue(self.database)

    def submit(self, kinds: dict[str, str]) -> None:
        """Queue jobs, which are given as ids with their kinds."""
        self.ids = kinds
        for seed, (id, kind) in enumerate(kinds.items()):

            def place(name: str, suffix: str, id: str = id) -> OutputPlace:
                return OutputPlace(path=str(self.places.result(id, suffix, name)))

            self.queue.submit(CASES[kind](self.places.uploads, place, seed), id=id)

    def serve(self) -> None:
        """Start the server."""
        self.server = subprocess.Popen([sys.executable, "-c", SERVER, str(self.folder)])

    def workers(self) -> list[psutil.Process]:
        """Return the server's workers."""
        try:
            return [] if self.server is None else psutil.Process(self.server.pid).children()
        except psutil.Error:
            return []

    def kill(self, what: str) -> bool:
        """Kill `worker`, `server` or `both`, and return whether there was something to kill; a server is started again."""
        workers = self.workers()
        if not workers and what != "server":
            return False
        assert self.server is not None
        if what != "worker":
            self.server.kill()
        if what != "server":
            for each in workers:
                each.kill()
        if what != "worker":
            self.server.wait()
            self.serve()
        return True

    def unfinished(self) -> list[str]:
        """Return the ids of jobs that are not done; one that was set aside is tried again."""
        left = []
        for job in self.queue.jobs(limit=10_000):
            if job.state == "set_aside":
                self.queue.retry(job.id)
                self.aside += 1
            elif job.state in ("failed", "cancelled", "paused"):
                raise SystemExit(f"error: the {job.kind} {job.id} is {job.state}: {job.sentence}\n{job.log}")
            if job.state != "done":
                left.append(job.id)
        return left

    def stop(self) -> None:
        """End the server and its workers."""
        if self.server is not None:
            self.server.send_signal(signal.SIGTERM)
            self.server.wait()
            self.server = None

    def files(self) -> dict[str, bytes]:
        """Return what lies among the results; a kill leaves unfinished files, which are hidden and swept later."""
        root = self.places.pictures
        return {
            str(each.relative_to(root)): each.read_bytes()
            for each in sorted(root.rglob("*"))
            if each.is_file() and each.name != _JOBS["DATED"] and not _is_unfinished(each.relative_to(root))
        }


def _is_unfinished(path: Path) -> bool:
    return any(part.startswith(".batcountry-") for part in path.parts)


def faults(studio: Studio, wanted: dict[str, bytes]) -> Counter[str]:
    """Count what is wrong with a studio in which all is done, and say it."""
    said = [*_wrong_pictures(studio), *_wrong_files(wanted, studio.files()), *_wrong_database(studio)]
    for what, where in said:
        print(f"{what}: {where}", flush=True)
    return Counter(what for what, _ in said)


def _wrong_pictures(studio: Studio) -> Iterator[tuple[str, str]]:
    pictures = Pictures(studio.database)
    for id, kind in studio.ids.items():
        job, shown = studio.queue.get(id), pictures.page(Filter(job=id), limit=1000)[0]
        names = Counter(each.name for each in shown)
        if job.state != "done" or names.keys() != job.spec().outputs.keys():
            yield "lost", f"{kind} {id} is {job.state} and has {sorted(names)}"
        yield from (("doubled", f"{name} of {id}") for name, count in names.items() if count > 1)
        yield from (("lost", each.file) for each in shown if not studio.places.file(each.file).exists())


def _wrong_files(wanted: dict[str, bytes], files: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    yield from (("lost", name) for name in wanted.keys() - files.keys())
    yield from (("doubled", name) for name in files.keys() - wanted.keys())
    yield from (("damaged", name) for name in wanted.keys() & files.keys() if files[name] != wanted[name])


def _wrong_database(studio: Studio) -> Iterator[tuple[str, str]]:
    events = [each.id for each in EventLog(studio.database).since(0, limit=100_000)]
    if events != list(range(events[0], events[-1] + 1)):
        yield "lost", "events"
    with studio.database.reading() as connection:
        if connection.scalar(text("PRAGMA integrity_check")) != "ok":
            yield "damaged", "the database"


def whole(root: Path, kinds: dict[str, str], most: float = 1800) -> dict[str, bytes]:
    """Do all jobs undisturbed, and return the files that they wrote."""
    studio = Studio(root)
    studio.submit(kinds)
    studio.serve()
    try:
        end = time.monotonic() + most
        while studio.unfinished():
            if time.monotonic() > end:
                raise SystemExit("error: the undisturbed jobs take too long")
            time.sleep(0.2)
    finally:
        studio.stop()
    return studio.files()


def disturbed(
    root: Path, kinds: dict[str, str], kills: int, rng: random.Random, longest: float
) -> tuple[Studio, int]:
    """Do all jobs while processes are killed up to so many times, and return the studio and how often that was."""
    studio, count = Studio(root), 0
    studio.submit(kinds)
    studio.serve()
    try:
        while studio.unfinished():
            time.sleep(rng.uniform(0.05, longest) if count < kills else 0.2)
            if count < kills:
                count += studio.kill(rng.choice(["worker", "server", "both"]))
    finally:
        studio.stop()
    return studio, count


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument(
        "--longest", type=float, default=8.0, help="most seconds from one kill to the next (8)"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ.setdefault("BATCOUNTRY_DEVICE", "cpu")
    rng, found, count, rounds, aside = random.Random(options.seed), Counter[str](), 0, 0, 0
    names = list(CASES)
    kinds = {new_id(): names[n % len(names)] for n in range(options.jobs)}
    with tempfile.TemporaryDirectory() as place:
        begun = time.monotonic()
        wanted = whole(Path(place) / "whole", kinds)
        print(
            f"{len(kinds)} jobs undisturbed: {time.monotonic() - begun:.0f} s, {len(wanted)} files",
            flush=True,
        )
        while count < options.kills:
            studio, more = disturbed(
                Path(place) / str(rounds), kinds, options.kills - count, rng, options.longest
            )
            count, rounds, aside = count + more, rounds + 1, aside + studio.aside
            found += faults(studio, wanted)
            print(f"{count} kills so far; wrong so far: {dict(found) or 'nothing'}", flush=True)
    said = ", ".join(f"{found[each]} {each}" for each in ("lost", "doubled", "damaged"))
    print(
        f"{count} kills over {rounds} queues of {len(kinds)} jobs: {said}; {aside} times set aside and tried again"
    )
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
