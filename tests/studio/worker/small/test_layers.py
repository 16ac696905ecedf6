"""Pictures of layers are drawn for networks that have none, while nobody dreams, by a process that ends when somebody does."""

import json
import subprocess
import sys
import time

import pytest
from PIL import Image

from batcountry.models import open_model, zoo
from batcountry.studio.store.events import EventLog
from batcountry.studio.web.networks.facts import facts_file
from batcountry.studio.worker.claiming import work
from batcountry.studio.worker.small import layers, meanwhile

OURS = "efficientnet-lite0"


def test_layers_get_a_sheet_of_what_they_like_and_it_is_told(studio, monkeypatch):
    drawn = []
    real = layers._draw_layer
    monkeypatch.setattr(
        layers,
        "_draw_layer",
        lambda *given: given[2] == "blocks.4" and drawn.append(1) is None and real(*given),
    )
    assert list(layers.networks_without(studio.places)) == [
        each.name for each in zoo.cards() if zoo.is_here(each.name)
    ]
    layers.draw_all(studio.settings)
    (place,) = studio.places.layers(OURS).glob("*.jpg")
    with Image.open(place) as image:
        assert image.size == (192, 192)
        corners = [image.crop((x, y, x + 96, y + 96)).tobytes() for x in (0, 96) for y in (0, 96)]
        assert len(set(corners)) == 4 and min(len(set(each)) for each in corners) > 50
    told = [each.data for each in EventLog(studio.database).since(0) if each.kind == "network"]
    assert len(told) == 1 and '"blocks.4"' in told[0]
    assert OURS not in layers.networks_without(studio.places)
    known = json.loads(facts_file(studio.places, OURS).read_bytes())
    assert [each["name"] for each in known["layers"]] == [each.name for each in open_model(OURS).layers]


def test_what_is_there_is_not_drawn_again(studio, monkeypatch):
    monkeypatch.setattr(layers, "encoded", None)
    model = open_model(OURS)
    folder = studio.places.layers(OURS)
    folder.mkdir(parents=True)
    for number, each in enumerate(model.layers):
        if each.name:
            (folder / f"{number:03d}-{each.name}.jpg").write_bytes(b"there")
    assert list(layers.draw_network(studio.settings, OURS)) == []


def test_nobody_draws_for_a_second_time_at_once(studio):
    with layers.exclusive_lock(studio.places.looks, layers.StudioError):
        layers.draw_all(studio.settings)
    assert OURS in layers.networks_without(studio.places)


@pytest.fixture
def sleeping(monkeypatch):
    """Processes that only sleep in place of those that draw."""
    begun = []
    real = subprocess.Popen

    def popen(command, **options):
        begun.append(real([sys.executable, "-c", "import time; time.sleep(60)"], **options))
        return begun[-1]

    monkeypatch.setattr(meanwhile.subprocess, "Popen", popen)
    monkeypatch.setattr(meanwhile, "QUIET", 0.0)
    yield begun
    for each in begun:
        each.kill()
        each.wait()


def test_a_job_ends_it_at_once_and_so_does_the_workers_end(studio, sleeping, monkeypatch):
    monkeypatch.setattr("batcountry.studio.worker.claiming.warm_up", lambda: None)
    settings = studio.settings.model_copy(update={"idle_seconds": 2.0})
    states = []

    def leave(job, *_):
        states.append([each.poll() for each in sleeping])
        studio.leases.stopped(job.id, "w")
        studio.queue.wish(job.id, "cancel")

    monkeypatch.setattr("batcountry.studio.worker.claiming.run_job", leave)

    class Leaving:
        waits = 0

        def is_set(self):
            return False

        def wait(self, seconds):
            self.waits += 1
            if self.waits == 2:
                studio.submit()
            time.sleep(0.01)

    work(settings, "w", Leaving())
    assert len(sleeping) == 2 and states == [[-9]]
    assert [each.poll() for each in sleeping] == [-9, -9]


def test_it_waits_until_it_is_quiet(studio, sleeping, monkeypatch):
    monkeypatch.setattr(meanwhile, "QUIET", 60.0)
    small = meanwhile.Meanwhile(studio.settings)
    small.go_on()
    assert not sleeping
