"""Notes inside pictures of each format: what `info` prints of them, and what `again` resolves."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from batcountry.backend.policy import STRICT
from batcountry.cli import info
from batcountry.cli.again import picture_note
from batcountry.dreams.dreamer import Dreamer
from batcountry.dreams.prepare import prepare
from batcountry.errors import printable
from batcountry.image.files import encoded
from batcountry.models import Layer, Model
from batcountry.motion.jobs.metadata import note_of
from batcountry.motion.note import MotionNote
from batcountry.recipe import Note, Recipe
from conftest import MEAN, TwoChannels
from fuzz.damage import damaged_bytes
from fuzz.target import Target

FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP", "tif": "TIFF"}
QUICK = {"layer": "sum", "octaves": 1, "iterations": 1, "tile": 0, "device": "cpu"}

VALUES: list[Any] = [
    *(
        None,
        True,
        -1,
        0,
        1,
        2,
        64,
        2**31,
        10**30,
        1e308,
        -0.5,
        "",
        "x",
        "\x1b[31m",
        "\u202e",
        "a" * 3000,
        "\x00",
        "/dev/zero",
    ),
    *(
        [],
        {},
        [1, 2],
        {"a": 1},
        "sum",
        "mean",
        "x0.5",
        "64x64",
        "1e999",
        "input",
        "none",
        "auto",
        "ascent",
        "adam",
        "pixels",
    ),
    *(
        'layer("sum")',
        "-flip(1)",
        "flip(1), pad(2)",
        "noise(1)",
        'python("a.b")',
        "os:system",
        "net.pt",
        "../../secret.png",
    ),
]


@cache
def _model() -> Model:
    layers = [Layer("sum", 2, 1, 1, 0, 1), Layer("mean", 2, 2, 3, 0, 2)]
    return Model("two", TwoChannels(), layers=layers, mean=MEAN, weights_sha256="0" * 64, default_layer="sum")


@cache
def _notes() -> list[str]:
    facts = {"version": "1.0", "input": None, "input_sha256": "0" * 64, "weights_sha256": "0" * 64}
    films = [{"kind": "zoom", "frames": 4, "dream": QUICK}, {"kind": "video", "dream": QUICK}]
    notes = [
        Note(recipe=Recipe(**QUICK, canvas="32x40"), **facts),
        *(MotionNote(recipe=each, **facts) for each in films),
    ]
    return [each.model_dump_json() for each in notes]


def _picture(draw: random.Random, folder: Path) -> Path:
    """Write a picture with a note that is JSON, and says what cannot be."""
    found = json.loads(draw.choice([_notes()[0], _notes()[0], *_notes()]))
    for _ in range(draw.choice([1, 1, 2, 5])):
        places = [found, *[found["recipe"]] * 2, found["recipe"].get("dream", found["recipe"])]
        at = draw.choice([each for each in places if isinstance(each, dict)])
        at[draw.choice([*at, "stopped", "keys", "new"])] = draw.choice(VALUES)
        if not isinstance(found["recipe"], dict):
            break
    return _written(draw, folder, json.dumps(found))


def _damaged(draw: random.Random, folder: Path) -> Path:
    """Write a picture with a note that is no JSON any more, or that is damaged itself."""
    if draw.random() < 0.5:
        text = damaged_bytes(draw.choice(_notes()).encode(), draw).decode("utf-8", "replace")
        return _written(draw, folder, text)
    path = _written(draw, folder, draw.choice(_notes()))
    path.write_bytes(damaged_bytes(path.read_bytes(), draw))
    return path


def _written(draw: random.Random, folder: Path, note: str) -> Path:
    suffix = draw.choice(list(FORMATS))
    image = Image.fromarray(np.uint8(np.random.RandomState(1).randint(0, 256, (8, 10, 3))))
    path = folder / f"dream.{suffix}"
    try:
        path.write_bytes(encoded(image, FORMATS[suffix], path.name, note=note, icc=None, quality=90))
    except ValueError:  # a TIFF's note has to be JSON
        image.save(path, FORMATS[suffix])
    return path


def _info(path: Path) -> None:
    """Work out all that `info` prints, and resolve what `again` dreams on."""
    note = note_of(path) or picture_note(path)
    lines = [text for _, text in info._facts(note)] + info._differences(note)
    for each in [*lines, *info._again(path, note), *info._anew(path, note)]:
        printable(each).encode()
    note.model_dump_json()
    recipe = note.recipe if isinstance(note, Note) else note.recipe.dream
    asked = prepare(recipe, policy=STRICT.allow(path.parent)).with_model(_model())
    Dreamer(asked).planned(np.zeros((32, 40, 3), np.uint8))


TARGETS = [
    Target("note of odd values", _picture, _info, 0.05),
    Target("note damaged", _damaged, _info, 0.05),
]
