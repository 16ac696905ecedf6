"""Ten pictures of different kinds, made on the spot, for `look.py` to dream on."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from batcountry.image.sky import sky
from batcountry.image.statistics import natural_noise

WIDTH, HEIGHT = 640, 400
Plane = NDArray[np.floating]


def grid() -> tuple[Plane, Plane]:
    """Return y and x of each pixel, as shares of the height."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] / HEIGHT
    return y, x


def texture(seed: int, contrast: float = 1.0) -> Plane:
    """Return noise with the spectrum and the colors of photographs, H×W×3, around 0."""
    white = torch.from_numpy(np.random.RandomState(seed).normal(size=(1, 3, HEIGHT, WIDTH)))
    return natural_noise(white, contrast)[0].permute(1, 2, 0).numpy() - 117


def shaded(mask: Plane, over: Plane, under: Plane) -> Plane:
    """Return one picture where a mask, 0 to 1, is 1, and another where it is 0."""
    return under + mask[..., None] * (over - under)


def clouds() -> Plane:
    """Return a sky."""
    return sky(WIDTH, HEIGHT, seed=3)


def still_life() -> Plane:
    """Return the balls of `examples/still_life.py`."""
    program = runpy.run_path(str(Path(__file__).parents[1] / "examples" / "still_life.py"))
    return program["still_life"](WIDTH, HEIGHT)


def hills() -> Plane:
    """Return ranges of hills, each paler than the one before it, under a flat bright sky."""
    y, _x = grid()
    rng, picture = np.random.RandomState(4), np.broadcast_to([226.0, 232.0, 240.0], (HEIGHT, WIDTH, 3))
    for depth in range(6):
        line = 0.35 + 0.1 * depth + 0.08 * ndimage.gaussian_filter1d(rng.normal(size=WIDTH), 40) * 12
        color = np.array([176, 190, 206]) + (np.array([44, 66, 30]) - np.array([176, 190, 206])) * depth / 5
        picture = shaded(np.clip((y - line) * 90, 0, 1), color + 0.12 * depth * texture(depth), picture)
    return picture


def forest() -> Plane:
    """Return leaves, dark stems and light between them."""
    _, x = grid()
    leaves = np.array([62, 92, 36]) + 0.6 * texture(11, 0.8)
    stems = ndimage.gaussian_filter1d(np.random.RandomState(2).uniform(size=WIDTH), 3)
    return shaded(
        np.clip((stems[None] - 0.62) * 14, 0, 0.85) * np.ones_like(x), np.array([34, 26, 20.0]), leaves
    )


def night() -> Plane:
    """Return a town at night: black houses with lit windows."""
    rng, (y, _) = np.random.RandomState(8), grid()
    picture = np.array([10, 14, 38.0]) + (1 - y)[..., None] * np.array([6, 8, 26])
    for left in range(0, WIDTH, 64):
        top = rng.randint(90, 240)
        picture[top:, left : left + 60] = (8, 8, 12)
        for row in range(top + 12, HEIGHT - 12, 26):
            for column in range(left + 8, left + 54, 18):
                if rng.uniform() < 0.55:
                    picture[row : row + 14, column : column + 9] = (250, rng.randint(170, 235), 110)
    return ndimage.gaussian_filter(picture, (0.8, 0.8, 0))


def snow() -> Plane:
    """Return white on white: what a veil would show on first."""
    y, x = grid()
    drifts = 238 + 10 * np.sin(3 * x + 9 * y) + 0.12 * texture(21).mean(2)
    picture = np.stack([drifts, drifts + 2, drifts + 6], -1)
    hut = (np.abs(x - 1.15) < 0.14) & (np.abs(y - 0.55) < 0.1)
    return np.where(hut[..., None], np.array([120, 44, 34]) + 0.2 * texture(22), picture)


def face() -> Plane:
    """Return a face as a child would draw it."""
    image = Image.new("RGB", (WIDTH * 2, HEIGHT * 2), (92, 128, 140))
    draw = ImageDraw.Draw(image)
    draw.ellipse((410, 90, 870, 720), fill=(224, 178, 148))
    draw.pieslice((380, 50, 900, 520), 180, 360, fill=(70, 46, 34))
    for left in (500, 690):
        draw.ellipse((left, 330, left + 90, 390), fill=(246, 244, 240))
        draw.ellipse((left + 28, 336, left + 66, 386), fill=(58, 82, 70))
        draw.ellipse((left + 40, 350, left + 56, 370), fill=(8, 8, 8))
    draw.polygon([(640, 400), (610, 510), (668, 510)], fill=(204, 150, 122))
    draw.arc((540, 470, 740, 630), 25, 155, fill=(160, 60, 62), width=16)
    small = np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS), float)
    return small + 0.15 * texture(31)


def sea() -> Plane:
    """Return a flat evening sky over waves."""
    y, x = grid()
    glow = np.exp(-(((x - 0.9) / 0.5) ** 2 + ((y - 0.5) / 0.2) ** 2))
    above = (
        np.array([52, 60, 110]) + y[..., None] * np.array([150, 60, -30]) + glow[..., None] * [120, 80, 10]
    )
    waves = np.sin(60 * np.sqrt(np.clip(y - 0.5, 1e-3, 1)) * 3 + 9 * np.sin(5 * x)) * (y > 0.5)
    below = np.array([40, 56, 84]) + (26 * waves)[..., None] + glow[..., None] * [90, 50, 10]
    return shaded(np.clip((y - 0.5) * 200, 0, 1), below, above) + 0.06 * texture(41)


def cloth() -> Plane:
    """Return woven stripes, fine and regular."""
    y, x = grid()
    folds = 0.75 + 0.25 * np.sin(7 * x + 2 * np.sin(5 * y))
    stripes = np.sign(np.sin(70 * (x + 0.04 * np.sin(9 * y))))
    color = np.where(stripes[..., None] > 0, [188, 44, 40], [232, 220, 190])
    return color * folds[..., None] + 0.1 * texture(51)


def page() -> Plane:
    """Return black writing on white paper."""
    rng, picture = np.random.RandomState(9), np.full((HEIGHT, WIDTH, 3), 250.0)
    for line in range(40, HEIGHT - 30, 28):
        at = 40
        while at < WIDTH - 60:
            for _ in range(rng.randint(2, 9)):
                height = rng.choice([9, 9, 15])
                picture[line - height : line, at : at + 2] = 20
                picture[line - rng.choice([2, 9]) : line - 1, at : at + 6] -= 120 * rng.uniform()
                at += 8
            at += 8
    return ndimage.gaussian_filter(picture, (0.6, 0.6, 0))


PICTURES: dict[str, Callable[[], Plane]] = {
    each.__name__: each for each in (clouds, still_life, hills, forest, night, snow, face, sea, cloth, page)
}


def picture(name: str) -> Image.Image:
    """Return one of `PICTURES`."""
    return Image.fromarray(np.uint8(np.clip(PICTURES[name](), 0, 255).round()))
