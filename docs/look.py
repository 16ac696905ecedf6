"""Measure ways to dream beside each other, and show them: the table and the sheets of `look.md`.

    python docs/look.py                              # all pictures, the embedded network
    python docs/look.py --model models/bvlc_googlenet
    python docs/look.py --photos my-photos/ --blind  # own pictures; sheets without names, in another order each
    python docs/look.py --film                       # how hard a zoom's edges become, in 60 frames

With `--model` or `--photos` sheets go to the folder `look/`, else to docs/images/look/. Prints the table.
"""

from __future__ import annotations

import argparse
import itertools
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from look_pictures import PICTURES, picture
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor
from torch.nn import functional as F

import batcountry
from batcountry.models import Model
from batcountry.motion import zoom
from batcountry.objectives import layer
from batcountry.optim import param
from batcountry.optim.bands import build_levels, double
from batcountry.optim.gradient import whole_gradient
from batcountry.optim.param.colors import to_gray_levels, to_latent

HERE = Path(__file__).parent
WAYS: dict[str, dict[str, Any]] = {
    "default": {},
    "gentle": {"strength": "gentle"},
    "wild": {"strength": "wild"},
    "classic": {"preset": "classic"},
    "classic, octaves by size": {"param": "pixels"},
    "pixels, bands": {"param": "pixels", "normalize": "bands"},
    "decorrelated, mean": {"normalize": "mean"},
    "decorrelated, Adam": {"optimizer": "adam"},
    "Fourier, Adam 0.03": {"param": "fourier", "optimizer": "adam", "step_size": 0.03},
    "soft Fourier, Adam 0.03": {"param": "soft-fourier", "optimizer": "adam", "step_size": 0.03},
    "Laplacian pyramid, Adam 0.03": {"param": "laplacian", "optimizer": "adam", "step_size": 0.03},
}


class Laplacian:
    """The picture held as the bands of its decorrelated colors, as lucid can; see `batcountry.optim.param.Param`."""

    def __init__(self, image: Tensor) -> None:
        levels = build_levels(to_latent(image.detach()))
        finer = [
            level - double(coarser, (level.shape[-2], level.shape[-1]))
            for level, coarser in itertools.pairwise(levels)
        ]
        self.tensors = tuple(each.clone().requires_grad_() for each in (*finer, levels[-1]))

    def image(self) -> Tensor:
        """Return the pictures."""
        merged = self.tensors[-1]
        for band in self.tensors[-2::-1]:
            height, width = band.shape[-2:]
            enlarged = F.interpolate(merged, scale_factor=2, mode="bilinear")[..., :height, :width]
            merged = band + enlarged
        return to_gray_levels(merged)

    def constrain(self, clip: bool) -> None:
        """Do nothing."""


param.PARAMS.register("laplacian", Laplacian)
param.step_sizes["laplacian"] = {"ascent": 0.03, "adam": 0.03}


def spectrum(image: Image.Image) -> NDArray[np.floating]:
    """Return the strength of light and shade in bands an octave wide, coarse to fine, in gray levels."""
    plane = np.asarray(image.convert("L"), float)
    window = np.hanning(plane.shape[0])[:, None] * np.hanning(plane.shape[1])
    power = np.abs(np.fft.fft2((plane - plane.mean()) * window)) ** 2 / (window**2).sum() / plane.size
    down, across = (np.fft.fftfreq(length) for length in plane.shape)
    frequency = np.hypot(down[:, None], across)
    edges = 2.0 ** np.arange(-6, 0)
    return np.sqrt([power[(frequency >= low) & (frequency < 2 * low)].sum() for low in edges])


def measures(before: Image.Image, after: Image.Image, model: Model) -> dict[str, float]:
    """Return what can be said of a dream in numbers; see the table's heading."""
    old, new = np.float32(before), np.float32(after)
    score, _ = whole_gradient(model, layer(model.default_layer))(
        torch.from_numpy(new).permute(2, 0, 1)[None].contiguous()
    )
    bands = spectrum(after) / np.maximum(spectrum(before), 0.5)
    return {
        "score": score,
        "finest": float(spectrum(after)[-1]),
        "spectrum": float(np.sqrt(np.mean(np.log2(bands) ** 2))),
        "saturation": float(((new.max(2) - new.min(2)) / np.maximum(new.max(2), 1)).mean()),
        "clipped": float(((new <= 1) | (new >= 254)).mean()),
        "distance": float(np.sqrt(np.mean((new - old) ** 2))),
    }


def sheet(rows: Sequence[Sequence[tuple[str, Image.Image]]], width: int) -> Image.Image:
    """Return pictures in rows with a line above each."""
    heights = [max(round(each.height * width / each.width) for _, each in row) + 18 for row in rows]
    found = Image.new("RGB", (width * max(map(len, rows)), sum(heights)), "white")
    draw, top = ImageDraw.Draw(found), 0
    for row, height in zip(rows, heights, strict=True):
        for column, (text, each) in enumerate(row):
            small = each.convert("RGB").resize((width - 4, round(each.height * width / each.width)))
            found.paste(small, (column * width, top + 16))
            draw.text((column * width + 2, top + 2), text, fill="black")
        top += height
    return found


def table(numbers: dict[str, list[dict[str, float]]]) -> str:
    """Return the means over all pictures, a row for each way; scores and seconds as multiples of the default's."""
    lines = [
        "| way | score | time | finest | spectrum | saturation | clipped | distance |",
        "| --- |" + " ---: |" * 7,
    ]
    means = {
        way: {key: float(np.mean([each[key] for each in rows])) for key in rows[0]}
        for way, rows in numbers.items()
    }
    usual = means["default"]
    for way, each in means.items():
        ratios = [
            float(np.mean([a[key] / b[key] for a, b in zip(numbers[way], numbers["default"], strict=True)]))
            for key in ("score", "seconds")
        ]
        lines.append(
            f"| {way} | {ratios[0]:.2f} | {ratios[1]:.2f} | {each['finest']:.1f} | {each['spectrum']:.2f} | "
            f"{each['saturation']:.2f} | {each['clipped']:.3f} | {each['distance']:.1f} |"
        )
    return "\n".join([*lines, f"\nOne default dream took {usual['seconds']:.2f} s."])


def film(model: Model) -> str:
    """Return a table of how strong the bands of a zoom's 61st frame are, as multiples of its first one's."""
    lines = ["| way | 32 to 16 pixels | 16 to 8 | 8 to 4 | 4 to 2 |", "| --- |" + " ---: |" * 4]
    for way in ("default", "classic"):
        frames = zoom(picture("clouds"), frames=61, model=model, size=480, **WAYS[way])
        bands = [
            spectrum(Image.fromarray(np.uint8(np.clip(frame.pixels, 0, 255).round())))
            for index, frame in enumerate(frames)
            if index in (0, 60)
        ]
        lines.append(
            f"| {way} | " + " | ".join(f"{ratio:.2f}" for ratio in (bands[1] / bands[0])[-4:]) + " |"
        )
    return "\n".join(lines)


def main() -> None:
    """Dream, measure, show."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="efficientnet-lite0")
    parser.add_argument("--photos", type=Path, help="a folder of pictures in place of those made here")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--blind", action="store_true", help="leave names out, and shuffle")
    parser.add_argument("--film", action="store_true", help="measure a zoom in place of pictures")
    parser.add_argument("--side", type=int, default=640)
    given = parser.parse_args()
    if given.film:
        print(film(batcountry.open_model(given.model)))
        return
    own = given.photos is not None or given.model != "efficientnet-lite0" or given.blind
    folder = Path("look") if own else HERE / "images" / "look"
    folder.mkdir(parents=True, exist_ok=True)
    model = batcountry.open_model(given.model)
    if given.photos is None:
        photos = {name: picture(name) for name in PICTURES}
    else:
        photos = {path.stem: Image.open(path).convert("RGB") for path in sorted(given.photos.iterdir())}
    numbers: dict[str, list[dict[str, float]]] = {way: [] for way in given.ways}
    batcountry.dream(next(iter(photos.values())), model=model, size=given.side, iterations=1)  # compiles
    for name, photo in photos.items():
        photo.thumbnail((given.side, given.side))
        row = []
        for way in given.ways:
            begun = time.perf_counter()
            dreamed = batcountry.dream(photo, model=model, **WAYS[way]).image()
            numbers[way].append({"seconds": time.perf_counter() - begun, **measures(photo, dreamed, model)})
            row.append((way, dreamed))
        if given.blind:
            random.Random(name).shuffle(row)
            row = [(f"{name} {index + 1}", each) for index, (_, each) in enumerate(row)]
        cells = [(name, photo), *row]
        rows = [cells[at : at + 3] for at in range(0, len(cells), 3)]
        sheet(rows, 400).save(folder / f"{name}.jpg", quality=80)
        print(name, flush=True)
    print(table(numbers))


if __name__ == "__main__":
    main()
