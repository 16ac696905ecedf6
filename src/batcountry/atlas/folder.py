"""An atlas on disk: a picture for each channel, a sheet for each layer, an index, and a page.

::

    atlas.json                  what there is, for programs
    index.html                  the same for people; needs nothing but this folder
    channels/013-blocks.10/17.jpg
    sheets/013-blocks.10.jpg    all channels of a layer, small, row by row

A channel is done when its picture is there, since pictures are written whole or not at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from math import ceil, sqrt
from pathlib import Path
from typing import Any

from PIL import Image

from batcountry.backend.files import LEFT_BEHIND, replace_file
from batcountry.backend.folders import check_makeable, make_folder
from batcountry.backend.outputs import sweep_left_behind
from batcountry.backend.reading import read_plain
from batcountry.errors import PictureError, RecipeError
from batcountry.image.files import encode
from batcountry.image.picture import Picture
from batcountry.image.sources.opening import FORMATS
from batcountry.jobs.folder import WITHIN
from batcountry.models import Model
from batcountry.recipe.json_text import read_json

FORMAT = 1
CELL = 48
"""Pixels along a side of a channel's place in a sheet."""

_LARGEST_INDEX = 50_000_000


@dataclass(frozen=True)
class Entry:
    """One layer of an atlas.

    Attributes
    ----------
    name, channels, stride, receptive_field
        As `batcountry.models.Layer` has them.
    slug
        What its files are called.
    classes
        Names of its channels, if they are classes.
    """

    name: str
    channels: int
    stride: int | None
    receptive_field: int | None
    slug: str
    classes: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: Model, name: str) -> Entry:
        """Return the entry of a model's layer; raises `LayerNotFound` if there is none."""
        layer = model.layer(name)
        slug = f"{model.layers.index(layer):03d}-{re.sub(r'[^A-Za-z0-9._-]', '_', name)[:80]}"
        named = layer.name == model.class_layer and len(model.classes) == layer.channels
        classes = model.classes if named else ()
        return cls(name, layer.channels, layer.stride, layer.receptive_field, slug, classes)

    def objective(self, channel: int | str) -> str:
        """Return the objective of one of its channels, as text; with `{}` the form for all."""
        return f"channel({json.dumps(self.name, ensure_ascii=False)}, {channel})"


class Folder:
    """The folder of an atlas.

    Parameters
    ----------
    path
        Made if it is not there.
    facts
        What all pictures have in common: `model`, `weights_sha256`, `recipe`, `version`.

    Raises
    ------
    RecipeError
        If an atlas is there that was made in another way.
    PictureError
        If the folder cannot be made, or what is in it is damaged.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any]) -> None:
        self.path, self.facts = path, facts
        self.entries: dict[str, Entry] = {}
        before = check_same(path, facts)
        make_folder(path)
        for each in before.get("layers", []):
            self.entries[each["name"]] = Entry(**_fields(each))

    def add(self, entry: Entry) -> None:
        """Make room for a layer's channels."""
        self.entries[entry.name] = entry
        (self.path / "channels" / entry.slug).mkdir(parents=True, exist_ok=True)

    def file(self, entry: Entry, channel: int) -> Path:
        """Return where the picture of a channel is, or will be."""
        return self.path / "channels" / entry.slug / f"{channel}.jpg"

    def missing(self, entry: Entry) -> list[int]:
        """Return the channels of a layer that have no picture yet."""
        return [each for each in range(entry.channels) if not self.file(entry, each).exists()]

    def sweep(self) -> None:
        """Delete the unfinished files that a process left behind that was killed; nobody else may be at work here."""
        for folder in (self.path, self.path / "sheets", *self.path.glob("channels/*")):
            sweep_left_behind(folder)

    def unfinished(self, entry: Entry, batch: int) -> list[list[int]]:
        """Return the batches of a layer's channels, always cut at the same places, in which some have no picture yet."""
        missing = set(self.missing(entry))
        cut = [range(at, min(at + batch, entry.channels)) for at in range(0, entry.channels, batch)]
        return [list(each) for each in cut if missing.intersection(each)]

    def write(self, entry: Entry, channel: int, picture: Picture) -> None:
        """Put the picture of a channel in its place."""
        picture.save(self.file(entry, channel), quality=90, overwrite=True)

    def write_sheet(self, entry: Entry) -> None:
        """Put all pictures of a layer, small, on one sheet."""
        columns = ceil(sqrt(entry.channels))
        sheet = Image.new("RGB", (columns * CELL, ceil(entry.channels / columns) * CELL), (24, 24, 24))
        for channel in range(entry.channels):
            with Image.open(self.file(entry, channel), formats=FORMATS) as image:
                small = image.convert("RGB").resize((CELL, CELL), Image.Resampling.LANCZOS)
            sheet.paste(small, (channel % columns * CELL, channel // columns * CELL))
        (self.path / "sheets").mkdir(exist_ok=True)
        place = self.path / "sheets" / f"{entry.slug}.jpg"
        encode(sheet, place, note=None, icc=None, quality=85, overwrite=True)

    def write_index(self) -> None:
        """Write the index and the page, as things stand."""
        layers = [self._layer(each) for each in sorted(self.entries.values(), key=lambda each: each.slug)]
        index = {"format": FORMAT, **self.facts, "cell": CELL, "layers": layers}
        text = json.dumps(index, ensure_ascii=False, indent=1)
        replace_file(self.path / "atlas.json", text.encode())
        write_page(self.path / "index.html", "page.html", index)

    def _layer(self, entry: Entry) -> dict[str, Any]:
        missing = self.missing(entry)
        sheet = f"sheets/{entry.slug}.jpg"
        return {
            "name": entry.name,
            "channels": entry.channels,
            "stride": entry.stride,
            "receptive_field": entry.receptive_field,
            "slug": entry.slug,
            "classes": list(entry.classes),
            "missing": missing,
            "folder": f"channels/{entry.slug}",
            "sheet": sheet if (self.path / sheet).exists() else None,
            "columns": ceil(sqrt(entry.channels)),
            "objective": entry.objective("{}"),
        }


def write_page(path: Path, template: str, facts: Mapping[str, Any]) -> None:
    """Write one of this room's pages, with facts in it as JSON."""
    page = (files("batcountry.atlas") / template).read_text("utf-8")
    # "</" would end the script that holds the text.
    replace_file(path, page.replace("__FACTS__", json.dumps(facts).replace("</", "<\\/")).encode())


def check_atlas_folder(path: Path) -> dict[str, Any]:
    """Return the index of the atlas in a folder, as `read_index`; makes nothing.

    Raises
    ------
    PictureError
        If there can be no atlas in it, or what is in it is something else.
    """
    check_makeable(path)
    for each in (path / "channels", path / "sheets", *path.glob("channels/*")):
        if each.is_symlink():
            raise PictureError(f"{each} is a link, which no atlas has; name another folder")
    if path.is_dir() and not (path / "atlas.json").exists():
        # An atlas that was stopped before its first index has the folder of channels alone.
        names = (each.name for each in path.iterdir() if not each.name.startswith(LEFT_BEHIND))
        other = sorted(each for each in names if each not in ("channels", "sheets", WITHIN))
        if other:
            raise PictureError(f"{path} holds {other[0]} and no atlas; name another folder")
    return read_index(path)


def check_same(path: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the index of the atlas that is in a folder; makes nothing.

    Raises
    ------
    RecipeError
        If it was made in another way.
    PictureError
        As `check_atlas_folder`.
    """
    before = check_atlas_folder(path)
    for key in ("model", "weights_sha256", "recipe"):
        if before and before[key] != facts[key]:
            raise RecipeError(
                f"{path} has an atlas with another {key.replace('_', ' ')}; name another folder, "
                "or give the options that it was made with"
            )
    return before


def read_index(path: Path) -> dict[str, Any]:
    """Return what `atlas.json` in a folder says, or nothing if it is not there.

    Raises
    ------
    PictureError
        If it is no index of an atlas.
    """
    file = path / "atlas.json"
    if not file.exists():
        return {}
    try:
        found = read_json(read_plain(file, most=_LARGEST_INDEX, error=PictureError), _LARGEST_INDEX)
        if found["format"] != FORMAT:
            raise ValueError
        for each in found["layers"]:
            _fields(each)
        return {**found, "recipe": dict(found["recipe"]), "model": str(found["model"])}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise PictureError(f"{file} is not the index of an atlas; name another folder") from None


def _fields(layer: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an entry from its JSON form; what makes up a file's name is checked."""
    slug, classes = str(layer["slug"]), tuple(map(str, layer["classes"]))
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,90}", slug) or not 0 < int(layer["channels"]) <= 1_000_000:
        raise ValueError(f"{slug} is no name of files")
    numbers = {key: _number(layer[key]) for key in ("stride", "receptive_field")}
    return {
        "name": str(layer["name"]),
        "channels": int(layer["channels"]),
        **numbers,
        "slug": slug,
        "classes": classes,
    }


def _number(value: Any) -> int | None:
    return None if value is None else int(value)
