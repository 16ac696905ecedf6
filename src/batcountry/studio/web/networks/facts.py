"""What is known of networks: which there are, and what is in them, found out once by a program of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio.to_thread

from batcountry.backend.files import replace_file
from batcountry.backend.version import __version__
from batcountry.errors import ModelError, NotFound
from batcountry.models import zoo
from batcountry.studio.places import StudioFolder
from batcountry.studio.web.messages.schemas import LayerShown, NetworkShown
from batcountry.studio.web.studio import Studio

SECONDS = 120.0
"""That opening a network may take."""

_turn = asyncio.Lock()
_known: dict[tuple[Path, str], dict[str, Any]] = {}


def card_of(name: str) -> zoo.ModelCard:
    """Return the card of a network; raises `NotFound`."""
    found = next((each for each in zoo.cards() if each.name == name), None)
    if found is None:
        raise NotFound("network", name)
    return found


def network_shown(card: zoo.ModelCard) -> NetworkShown:
    """Return a network as clients see it."""
    return NetworkShown(
        name=card.name,
        title=card.title,
        license=card.license,
        trained_on=card.trained_on,
        bytes=card.size,
        here=zoo.is_here(card.name),
        by_hand=card.by_hand,
        note=card.note,
        paper=card.paper,
    )


def folder_of(studio: Studio, name: str) -> Path:
    """Return the folder for what is kept of a network."""
    return studio.folder.looks / card_of(name).name


def facts_file(folder: StudioFolder, name: str) -> Path:
    """Return where it is kept what is in a network."""
    return folder.looks / name / f"facts-{__version__}.json"


def atlas_of(studio: Studio, name: str) -> Path:
    """Return the folder for the pictures of a network's channels, an atlas."""
    return folder_of(studio, name) / "atlas"


def layer_shown(studio: Studio, name: str, layer: Mapping[str, Any]) -> LayerShown:
    """Return a layer of a network as clients see it."""
    place = f"/api/v1/networks/{quote(name, safe='')}/layers/{quote(layer['name'], safe='')}/picture"
    drawn = layer_picture(studio, name, layer).is_file()
    given = {each: layer[each] for each in LayerShown.model_fields if each != "picture"}
    return LayerShown(**given, picture=place if drawn else None)


def layer_picture(studio: Studio, name: str, layer: Mapping[str, Any]) -> Path:
    """Return where the picture of a layer is, or would be."""
    return studio.folder.layers(name) / f"{layer['slug']}.jpg"


def layer_named(facts: dict[str, Any], layer: str) -> dict[str, Any]:
    """Return what is known of a layer; raises `NotFound`."""
    known = next((each for each in facts["layers"] if each["name"] == layer), None)
    if known is None:
        raise NotFound("layer", layer)
    return known


def drawn_channels(studio: Studio, name: str, layer: Mapping[str, Any]) -> list[int]:
    """Return the channels of a layer that have a picture."""
    folder = atlas_of(studio, name) / "channels" / layer["slug"]
    return sorted(int(each.stem) for each in folder.glob("*.jpg") if each.stem.isdecimal())


def channel_picture(studio: Studio, name: str, facts: dict[str, Any], layer: str, number: int) -> Path:
    """Return where the picture of a channel is, or would be; raises `NotFound` if the network has no such channel."""
    known = next((each for each in facts["layers"] if each["name"] == layer), None)
    if known is None or not 0 <= number < known["channels"]:
        raise NotFound("channel", f"{layer} {number}")
    return atlas_of(studio, name) / "channels" / known["slug"] / f"{number}.jpg"


async def facts_of(studio: Studio, name: str) -> dict[str, Any]:
    """Return what is in a network: `layers`, `default_layer` and `classes`; looked up once, and kept.

    Raises
    ------
    NotFound, ModelError
        If it is not known, or its files are not here.
    """
    place = facts_file(studio.folder, name)
    async with _turn:
        if (place, name) not in _known:
            kept: dict[str, Any] | None = await anyio.to_thread.run_sync(_kept, place)
            _known[place, name] = kept or await _found(place, name)
    return _known[place, name]


def _kept(place: Path) -> Any:
    try:
        return json.loads(place.read_bytes())
    except (OSError, ValueError):
        return None


async def _found(place: Path, name: str) -> dict[str, Any]:
    if not zoo.is_here(name):
        raise ModelError(f"the network {name} is not here yet; get it with: bat-country models get {name}")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "batcountry.studio.web.networks.program", name,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        said, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    try:
        found: dict[str, Any] = json.loads(said)
    except ValueError:
        raise ModelError(f"the network {name} cannot be opened; bat-country layers {name} says why") from None
    if "sentence" in found:
        raise ModelError(found["sentence"])
    place.parent.mkdir(parents=True, exist_ok=True)
    await anyio.to_thread.run_sync(replace_file, place, said)
    return found
