"""`python -m batcountry.studio.worker.small.layers`: small pictures of what layers like, for networks that have none yet.

It is told where by a line on standard input, as a worker is, and ends when that closes: it is a process of its own so that it
can be ended at once when somebody wants to dream.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from batcountry.backend.files import replace_file
from batcountry.backend.folders import exclusive_lock
from batcountry.backend.version import __version__
from batcountry.errors import BatCountryError, StudioError
from batcountry.image.files import encoded
from batcountry.models import zoo
from batcountry.studio.places import StudioFolder
from batcountry.studio.settings import StudioSettings
from batcountry.studio.store.database import Database
from batcountry.studio.store.events import EventLog

if TYPE_CHECKING:
    from batcountry.dreams.prepare import Prepared
    from batcountry.models import Model

log = logging.getLogger("batcountry")

CHANNELS, COLUMNS = 4, 2
"""Of each layer, and side by side on its picture."""

FEW = 32
"""Layers, of which all are drawn."""


def networks_without(places: StudioFolder) -> Iterator[str]:
    """Yield the names of networks that are here and whose layers have no pictures yet."""
    for card in zoo.cards():
        if zoo.is_here(card.name) and not _finished(places, card.name).exists():
            yield card.name


def _finished(places: StudioFolder, network: str) -> Path:
    return places.layers(network) / f"finished-{__version__}"


def draw_network(settings: StudioSettings, network: str) -> Iterator[str]:
    """Draw layers of a network that have no picture, and yield the name of each that has one now.

    It is those that dream well, or all if there are few, those first.
    A picture is a sheet of what some of the layer's channels like. A layer that cannot be drawn is left out. What is in the
    network is written down as well, for whoever asks for it later.
    """
    from batcountry.dreams.prepare import prepare
    from batcountry.models import open_model
    from batcountry.studio.web.networks.facts import facts_file
    from batcountry.studio.web.networks.program import facts

    places = settings.places
    folder = places.layers(network)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        model = open_model(network)
        if not (known := facts_file(places, network)).exists():
            replace_file(known, json.dumps(facts(network)).encode())
        options = {"preset": "thumbnail", "model": network}
        asked = prepare(options=options, policy=settings.policy).with_model(model)
    except BatCountryError as error:
        log.warning("the layers of %s cannot be drawn: %s", network, error)
    else:
        good = [each.name for each in model.layers if each.recommended] or [model.default_layer]
        names = [each.name for each in model.layers]
        others = [each for each in names if each not in good] if len(names) <= FEW else []
        for name in [*good, *others]:
            if _draw_layer(asked, model, name, folder):
                yield name
    replace_file(_finished(places, network), b"")


def _draw_layer(asked: Prepared, model: Model, name: str, folder: Path) -> bool:
    """Draw a layer if it has no picture; returns whether it was drawn."""
    from batcountry.atlas.folder import Entry
    from batcountry.dreams.visualize import visualizing

    entry = Entry.of(model, name)
    place = folder / f"{entry.slug}.jpg"
    if place.exists():
        return False
    channels = sorted({at * entry.channels // CHANNELS for at in range(CHANNELS)})
    try:
        *_, last = visualizing([entry.objective(each) for each in channels], asked, batch=CHANNELS)
        images = [each.image().convert("RGB") for each in last.pictures()]
    except (BatCountryError, RuntimeError, MemoryError) as error:
        log.warning("layer %s cannot be drawn: %s", name, error)
        return False
    replace_file(place, encoded(_sheet(images), "JPEG", place.name, note=None, icc=None, quality=85))
    return True


def _sheet(images: list[Image.Image]) -> Image.Image:
    wide, high = images[0].size
    columns = min(COLUMNS, len(images))
    sheet = Image.new("RGB", (columns * wide, -(-len(images) // columns) * high))
    for at, image in enumerate(images):
        sheet.paste(image, (at % columns * wide, at // columns * high))
    return sheet


def draw_all(settings: StudioSettings) -> None:
    """Draw the layers of all networks that are here, and tell who looks of each picture; one process at a time does so."""
    events = EventLog(Database(settings.database_url))
    with suppress(StudioError), exclusive_lock(settings.places.looks, StudioError):
        for network in networks_without(settings.places):
            for layer in draw_network(settings, network):
                events.say("network", {"network": network, "layer": layer})


def main() -> None:
    """Draw as the worker says on standard input."""
    settings = StudioSettings.model_validate_json(sys.stdin.readline())
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    with suppress(AttributeError, OSError):  # Windows has no such thing
        os.nice(10)
    draw_all(settings)
    os._exit(0)  # threads of libraries have nothing left to do


if __name__ == "__main__":
    main()
