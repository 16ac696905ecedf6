"""Make the pictures of "How it works".

    python docs/how_it_works.py               # all of them, into docs/images/how-it-works/
    python docs/how_it_works.py layers step   # these

Every picture is a row or a few rows of small ones with a line below each. They are dreamed with the defaults as they are, so
they are made again, by this one command, when those change.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

import batcountry

HERE = Path(__file__).parent
FOLDER = HERE / "images" / "how-it-works"
LAYERS = {"blocks.0": 0, "blocks.2": 0, "blocks.5": 0, "blocks.10": 4}
"""Layers that are shown, early to late, and the first of the six channels of each."""

Row = Mapping[str, Image.Image]


def still_life(width: int, height: int) -> Image.Image:
    """Return the still life of `examples/still_life.py`."""
    program = runpy.run_path(str(HERE.parent / "examples" / "still_life.py"))
    return Image.fromarray(program["still_life"](width, height))


@cache
def photo() -> Image.Image:
    """Return the still life at the size at which most pictures are about it."""
    return still_life(400, 225)


@cache
def model() -> batcountry.Model:
    """Return the default network."""
    return batcountry.open_model()


def dreamed(**options: Any) -> Image.Image:
    """Return a dream on the still life."""
    return batcountry.dream(photo(), model=model(), seed=1, **options).image()


def sheet(rows: list[Row], width: int) -> Image.Image:
    """Return rows of pictures, each `width` pixels wide with its name below."""
    scaled = [
        {
            name: image.resize((width, round(image.height * width / image.width)), Image.Resampling.LANCZOS)
            for name, image in row.items()
        }
        for row in rows
    ]
    heights = [max(image.height for image in row.values()) + 24 for row in scaled]
    found = Image.new("RGB", (max(map(len, scaled)) * (width + 6) - 6, sum(heights)), "white")
    draw, font, top = ImageDraw.Draw(found), ImageFont.load_default(13), 0
    for row, height in zip(scaled, heights, strict=True):
        for column, (name, image) in enumerate(row.items()):
            left = column * (width + 6)
            found.paste(image, (left, top))
            draw.text((left + width / 2, top + image.height + 10), name, "black", font, anchor="mm")
        top += height
    return found


def activations(name: str) -> np.ndarray:
    """Return what a layer gives for the still life, channels × height × width."""
    pixels = torch.from_numpy(np.asarray(photo(), np.float32)).permute(2, 0, 1)[None]
    with torch.no_grad():
        return model().activations(pixels, [name])[name][0].numpy()


def fields() -> Image.Image:
    """Show how large a part of the picture one unit of each layer sees."""
    found = still_life(800, 450)
    draw, font = ImageDraw.Draw(found), ImageFont.load_default(15)
    known = {layer.name: layer for layer in model().layers}
    for name in LAYERS:
        side = known[name].receptive_field
        left, top = 400 - side / 2, 225 - side / 2
        draw.rectangle((left, top, left + side, top + side), outline="white", width=2)
        # The two small squares have their names beside them.
        at, anchor = {7: ((385, 225), "rm"), 19: ((416, 225), "lm")}.get(side, ((left, top - 3), "lb"))
        draw.text(at, f"{name}: {side}", "white", font, anchor=anchor, stroke_width=2, stroke_fill="black")
    return found


def excited() -> Image.Image:
    """Show where three channels of a layer find what they look for, bright where they do."""
    maps = activations("blocks.5")
    row = {"the picture": photo()}
    for index in np.argsort(-maps.std((1, 2)))[:3]:
        level = np.clip(maps[index] / np.percentile(maps[index], 99.5), 0, 1)
        small = Image.fromarray(np.uint8(255 * level))
        row[f"blocks.5, channel {index}"] = small.resize(photo().size, Image.Resampling.BICUBIC).convert(
            "RGB"
        )
    return sheet([row], 250)


def layers() -> Image.Image:
    """Show what six channels of each layer look for, drawn from noise."""
    rows = []
    for name, first in LAYERS.items():
        aims = [f'channel("{name}", {index})' for index in range(first, first + 6)]
        pictures = batcountry.visualize(aims, model=model(), preset="channel", canvas="128x128", seed=1)
        rows.append({f"{name}, {first + n}": each.image() for n, each in enumerate(pictures)})
    return sheet(rows, 128)


def step() -> Image.Image:
    """Show one step, what it changes, and more steps."""
    after = {count: dreamed(octaves=1, iterations=count) for count in (1, 4, 16, 64)}
    change = np.asarray(after[1], np.float32) - np.asarray(photo(), np.float32)
    change = Image.fromarray(np.uint8(np.clip(128 + change * 60 / max(np.abs(change).std(), 1e-3), 0, 255)))
    row = {"before": photo(), "what one step changes, enlarged": change}
    row |= {f"after {count} step{'s' * (count > 1)}": image for count, image in after.items()}
    names = list(row)
    return sheet([{name: row[name] for name in names[:3]}, {name: row[name] for name in names[3:]}], 300)


def octaves() -> Image.Image:
    """Show the same number of steps on one size, and on several."""
    counts = (1, 2, 4)
    return sheet([{f"{count} octave{'s' * (count > 1)}": dreamed(octaves=count) for count in counts}], 300)


def grows() -> Image.Image:
    """Show the last step of each octave, at its size."""
    steps = [
        each
        for each in batcountry.dreaming(photo(), model=model(), seed=1)
        if each.iteration + 1 == each.iterations
    ]
    found = Image.new("RGB", (sum(each.size[1] for each in steps) + 6 * len(steps) - 6, 249), "white")
    draw, font, left = ImageDraw.Draw(found), ImageFont.load_default(13), 0
    for each in steps:
        image = each.picture().image()
        found.paste(image, (left, 225 - image.height))
        draw.text((left + image.width / 2, 237), f"{image.width}x{image.height}", "black", font, anchor="mm")
        left += image.width + 6
    return found


def depth() -> Image.Image:
    """Show the same dream on an early, a middle and a late layer."""
    return sheet([{name: dreamed(layer=name) for name in ("blocks.2", "blocks.5", "blocks.10")}], 300)


def objectives() -> Image.Image:
    """Show a whole layer, one channel, and a guide."""
    aims = {
        'layer("blocks.10")': {"layer": "blocks.10"},
        'channel("blocks.10", 17)': {"objective": 'channel("blocks.10", 17)'},
        "a guide: the woven picture of the gallery": {
            "guide": HERE / "images" / "gallery" / "woven.jpg",
            "layer": "blocks.3",
        },
    }
    return sheet(
        [{name: dreamed(**{k: str(v) for k, v in options.items()}) for name, options in aims.items()}], 300
    )


PICTURES: dict[str, Callable[[], Image.Image]] = {
    "fields": fields,
    "excited": excited,
    "layers": layers,
    "step": step,
    "octaves": octaves,
    "grows": grows,
    "depth": depth,
    "objectives": objectives,
}
"""What makes each picture, by name."""


def main() -> None:
    """Make the pictures named on the command line, or all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or PICTURES:
        path = FOLDER / f"{name}.jpg"
        PICTURES[name]().save(path, quality=82, optimize=True)
        print(f"{path.relative_to(HERE.parent)}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
