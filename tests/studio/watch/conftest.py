"""A watched folder whose jobs are done at once, by one who only copies."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sqlalchemy", reason="needs SQLAlchemy, which the extra `studio` brings")

from PIL import Image, PngImagePlugin

from batcountry.studio.settings import StudioSettings, WatchedFolder
from batcountry.studio.store.database import Database
from batcountry.studio.store.leases import Leases
from batcountry.studio.store.pictures import NewPicture, Pictures
from batcountry.studio.store.queue import Queue
from batcountry.studio.watch.running import STATE, watcher_of
from batcountry.studio.watch.watching import Patience

PATIENCE = Patience(still=2.0, broken=30.0, scan=4.0)


def picture_bytes(seed=0, kind="PNG", size=(12, 8), **options):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


class FakeWorker:
    """Does what workers do with a job, without a dream: its result is the picture's size in a note, or the failure that is due."""

    def __init__(self, database, places):
        self.leases, self.places = Leases(database), places
        self.failures, self.specs = {}, []

    def work(self, most=1000):
        done = 0
        while done < most and (job := self.leases.claim("fake", 60.0)) is not None:
            self._do(job)
            done += 1
        return done

    def _do(self, job):
        spec = job.spec()
        self.specs.append(spec)
        (name, source), (output, place) = *spec.inputs.items(), *spec.outputs.items()
        for part, sentence in self.failures.items():
            if part in source.path:
                self.leases.fail(job.id, "fake", sentence)
                return
        try:
            data = Path(source.path).read_bytes()
        except OSError as error:
            self.leases.fail(job.id, "fake", f"{source.path} cannot be read: {error.strerror}")
            return
        if hashlib.sha256(data).hexdigest() != source.sha256:
            self.leases.fail(job.id, "fake", f"{source.path} is not the picture that the job was begun with")
            return
        made = noted(source.sha256) if name == "picture" else b"a film of " + source.sha256.encode()
        Path(place.path).write_bytes(made)
        result = NewPicture(output, self.places.relative(Path(place.path)), "picture", 1, 1, 1)
        self.leases.finish(job.id, "fake", [result])


def noted(sha256):
    """A picture that says what it was made from."""
    out, note = io.BytesIO(), PngImagePlugin.PngInfo()
    note.add_itxt("batcountry", json.dumps({"input_sha256": sha256, "recipe": {}}))
    Image.new("RGB", (2, 2), f"#{sha256[:6]}").save(out, "PNG", pnginfo=note)
    return out.getvalue()


class Place:
    """A folder to watch, one for results, and a clock."""

    def __init__(self, path, *, own=True, settings=None, quota=None):
        self.inputs, self.outputs = path / "in", path / "out"
        self.inputs.mkdir(exist_ok=True)
        self.now, self.patience = 100.0, PATIENCE
        watch = WatchedFolder(inputs=self.inputs, outputs=self.outputs, settings=settings)
        folder = self.outputs / STATE if own else path / "studio"
        self.settings = StudioSettings(folder=folder, watch=watch, quota_bytes=quota)
        self.worker = None
        self.open()

    def open(self):
        self.settings.places.make()
        self.database = Database(self.settings.database_url, clock=lambda: self.now)
        self.context = watcher_of(
            self.settings, self.database, self.patience, check=lambda settings: settings
        )
        self.watcher = self.context.__enter__()
        failures = self.worker.failures if self.worker else {}
        self.worker = FakeWorker(self.database, self.settings.places)
        self.worker.failures = failures
        self.queue, self.pictures = Queue(self.database), Pictures(self.database)

    def close(self):
        self.context.__exit__(None, None, None)
        self.database.close()

    def again(self):
        """As it is when it was killed and started again."""
        self.close()
        self.open()

    def drop(self, name, data=None):
        path = self.inputs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture_bytes() if data is None else data)
        return path

    def look(self, seconds=0.0, *, told=True):
        self.now += seconds
        self.watcher.look(self.now, told=told)

    def until_done(self, most=400, step=1.1):
        for _ in range(most):
            self.look(step)
            if self.watcher.done:
                return
            self.worker.work()
        raise AssertionError("it does not come to an end")

    def results(self):
        return names_in(self.outputs)

    def waiting(self):
        return names_in(self.inputs)


def names_in(folder):
    # Unlike `rglob`, it goes on where folders go while it looks.
    files = [Path(where, name).relative_to(folder) for where, _, names in os.walk(folder) for name in names]
    return {os.fsencode(file) for file in files if not str(file).startswith(".")}


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    yield place
    place.close()


@pytest.fixture
def open_place(tmp_path):
    """Opens a folder that is watched in another way."""
    opened = []

    def start(**more):
        opened.append(Place(tmp_path, **more))
        return opened[-1]

    yield start
    for each in opened:
        each.close()
