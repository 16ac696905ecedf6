"""A studio's folder with a queue, to which tests give jobs."""

from __future__ import annotations

import threading
import time

import pytest

pytest.importorskip("sqlalchemy", reason="needs SQLAlchemy, which the extra `studio` brings")

from batcountry.jobs.control import Control
from batcountry.jobs.spec import JobSpec, OutputPlace
from batcountry.studio.places import new_id
from batcountry.studio.settings import StudioSettings
from batcountry.studio.store.database import Database
from batcountry.studio.store.leases import Leases
from batcountry.studio.store.pictures import Pictures
from batcountry.studio.store.queue import Queue
from batcountry.studio.worker.running import run_job
from batcountry.studio.worker.telling import Teller


class Studio:
    def __init__(self, folder):
        self.settings = StudioSettings(folder=folder, devices=("cpu",), idle_seconds=600)
        self.places = self.settings.places.make()
        self.database = Database(self.settings.database_url)
        self.queue, self.leases = Queue(self.database), Leases(self.database)
        self.pictures = Pictures(self.database)
        self.leaving, self.exits = threading.Event(), []

    def submit(self, steps=3, **recipe):
        id = new_id()
        outputs = {"picture": OutputPlace(path=str(self.places.result(id)))}
        self.queue.submit(JobSpec(kind="puppet", recipe={"steps": steps, **recipe}, outputs=outputs), id=id)
        return id

    def teller(self, id, worker="w"):
        preview = self.places.preview(id)
        return Teller(
            self.leases, id, worker, Control(), self.leaving, preview=preview, exit=self.exits.append
        )

    def run(self, worker="w"):
        """Work on the next job as a worker does, in this process."""
        job = self.leases.claim(worker, 15)
        run_job(job, self.teller(job.id, worker), self.places, self.settings.policy)
        return self.queue.get(job.id)

    def wait(self, id, *states, most=600):
        """Wait until a job is in one of some states."""
        begun = time.monotonic()
        while (job := self.queue.get(id)).state not in states:
            assert time.monotonic() - begun < most, job
            time.sleep(0.02)


@pytest.fixture
def studio(tmp_path):
    studio = Studio(tmp_path / "studio")
    yield studio
    studio.database.close()
