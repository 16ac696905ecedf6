"""Folders of jobs of all kinds: their records, what is stored in them, and links where files should be."""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from batcountry.jobs import JobSpec
from batcountry.jobs.runner import begin, reopen
from batcountry.models import Layer, Model
from conftest import MEAN, TwoChannels
from fuzz.damage import damaged_bytes
from fuzz.target import Target

QUICK = {"layer": "sum", "octaves": 2, "iterations": 2, "precision": "exact", "device": "cpu"}
STARTED = {**QUICK, "canvas": "32x40"}
PICTURE, OUT = {"picture": {"path": "p.png"}}, {"picture": {"path": "out.png"}}
ZOOM = {"dream": {**QUICK, "octaves": 1}, "frames": 4, "kind": "zoom"}

SPECS: dict[str, dict[str, Any]] = {
    "dream": {"recipe": QUICK, "inputs": PICTURE, "outputs": {**OUT, "steps": {"path": "steps"}}},
    "dream-on-disk": {"recipe": QUICK, "inputs": PICTURE, "outputs": {**OUT, "deepzoom": {"path": "deep"}}},
    "visualize": {"recipe": {"dream": STARTED, "every": 1}, "outputs": {**OUT, "plot": {"path": "plot.png"}}},
    "bulk": {
        "recipe": {"dream": {**QUICK, "layer": None}, "layers": ["sum"]},
        "inputs": {"folder": {"path": "."}},
        "outputs": {"folder": {"path": "dreams"}},
    },
    "zoom": {"recipe": ZOOM, "inputs": PICTURE, "outputs": {"film": {"path": "film.gif"}}},
    "atlas": {
        "recipe": {"dream": STARTED, "layers": ["sum"], "batch": 1},
        "outputs": {"atlas": {"path": "atlas"}},
    },
}

VALUES = [
    *(
        None,
        True,
        -1,
        0,
        1,
        2**31,
        2**63 - 1,
        10**40,
        1e308,
        -0.5,
        "",
        "x",
        "\x1b[31m",
        "a" * 5000,
        "\x00",
        "..",
        "/",
    ),
    *(
        "/etc/passwd",
        "/dev/zero",
        "../victim",
        ".hidden/x.png",
        "x0.5",
        "1e999",
        [],
        {},
        [[100000, 100000]],
        ["sum"] * 99,
    ),
    *(
        'python("os.system")',
        "os:system",
        "torchscript.pt",
        "9" * 300,
        "📷",
        "\u202e",
        "p.png",
        "sum",
        "mean",
    ),
]
TEXTS = [
    "",
    "{",
    "null",
    "[" * 5000,
    '{"version":1,"version":1}',
    "NaN",
    '{"version":1e400}',
    "\ufeff{}",
    '"\\ud800"',
]
KEPT = "the user's own\n" * 50


@contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@cache
def _model() -> Model:
    layers = [Layer("sum", 2, 1, 1, 0, 1), Layer("mean", 2, 2, 3, 0, 2)]
    return Model("two", TwoChannels(), layers=layers, mean=MEAN, weights_sha256="0" * 64, default_layer="sum")


@cache
def _seed(kind: str) -> Path:
    """Return a folder with `work`, the folder of a job of a kind that was stopped after its first steps."""
    place = Path(tempfile.mkdtemp(prefix="batcountry-fuzz-"))
    Finalize(None, shutil.rmtree, (place,), exitpriority=1)  # in processes of a pool, too
    pixels = np.random.RandomState(1).randint(0, 256, (32, 40, 3))
    with _working_in(place):
        Image.fromarray(np.uint8(pixels)).save("p.png")
        spec = JobSpec(kind=kind, **SPECS[kind])
        with closing(begin(spec, folder="work", objects={"model": _model()}).events()) as events:
            steps = (each for each in events if each.event == "progress" and each.done)
            next(steps), next(steps)
    return place


def _copy(kind: str, draw: random.Random, folder: Path) -> Path:
    """Copy a job, with its paths, and damage it."""
    seed = _seed(kind)
    shutil.copytree(seed, folder, dirs_exist_ok=True, symlinks=True)
    for each in (folder / "work").rglob("*.json"):
        each.write_text(each.read_text().replace(str(seed), str(folder.resolve())))
    (folder.parent / "victim").write_text(KEPT)
    for _ in range(draw.choice([1, 1, 2, 4])):
        draw.choice([_bytes, _bytes, *[_value] * 8, _text, _odd, _odd, _renamed])(draw, folder)
    return folder / "work"


def _some(draw: random.Random, folder: Path, suffix: str = "") -> Path | None:
    files = sorted(
        each for each in (folder / "work").rglob(f"*{suffix}") if each.is_file() and not each.is_symlink()
    )
    return draw.choice(files) if files else None


def _write(file: Path, data: bytes) -> None:
    file.unlink()  # it may be a hard link by now
    file.write_bytes(data)


def _bytes(draw: random.Random, folder: Path) -> None:
    if file := _some(draw, folder):
        data = file.read_bytes()
        short = draw.random() < 0.2
        _write(file, data[: draw.randrange(len(data) + 1)] if short else damaged_bytes(data, draw))


def _text(draw: random.Random, folder: Path) -> None:
    if file := _some(draw, folder, ".json"):
        _write(file, draw.choice(TEXTS).encode())


def _value(draw: random.Random, folder: Path) -> None:
    """Put something else in the place of one value of a record."""
    file = _some(draw, folder, ".json")
    try:
        found = json.loads(file.read_bytes()) if file else None
    except (ValueError, RecursionError):
        return
    at = found
    while isinstance(at, dict | list) and at:
        key = draw.choice(list(at) if isinstance(at, dict) else range(len(at)))
        inner = at[key]
        if not isinstance(inner, dict | list) or not inner or draw.random() < 0.15:
            at[key] = draw.choice(VALUES)
            break
        at = inner
    if file and found:
        _write(file, json.dumps(found).encode())


def _odd(draw: random.Random, folder: Path) -> None:
    """Put a link, a folder or nothing in the place of a file, or a link under the name of the next one."""
    file = _some(draw, folder)
    if file is None:
        return
    kind = draw.randrange(5)
    if kind == 4:
        names = ["gradient.raw", "image-0-1.raw", "base-0.raw", "state-00000002.npz", ".lock", "current"]
        file = folder / "work" / draw.choice(["checkpoint", "."]) / draw.choice(names)
        if file.is_dir():
            return
    file.unlink(missing_ok=True)
    if kind == 0:
        file.symlink_to("../../victim")
    elif kind in (1, 4):
        os.link(folder.parent / "victim", file)
    elif kind == 2:
        file.mkdir()


def _renamed(draw: random.Random, folder: Path) -> None:
    if file := _some(draw, folder):
        file.rename(
            file.with_name(
                draw.choice(["frame-x.npz", "part-000009.npz", "a\x1b.raw", "000009.png", "current"])
            )
        )


def _resume(path: Path) -> None:
    """Go on with a job for two steps, as somebody who did not make it, and see that nothing outside of its place changes."""
    top = path.parent
    around = {each.name for each in top.parent.iterdir()}
    with _working_in(top):
        try:
            with closing(reopen(path, objects={"model": _model()}).events()) as events:
                for count, event in enumerate(events):
                    event.line()
                    if count > 2:
                        break
        finally:
            assert (top.parent / "victim").read_text() == KEPT, "another's file was written through"
            assert {each.name for each in top.parent.iterdir()} == around, "something was written elsewhere"


def _made(kind: str) -> Callable[[random.Random, Path], Path]:
    def make(draw: random.Random, folder: Path) -> Path:
        inner = folder / "place"
        inner.mkdir()
        return _copy(kind, draw, inner)

    return make


TARGETS = [Target(f"job {kind}", _made(kind), _resume, 0.004) for kind in SPECS]
