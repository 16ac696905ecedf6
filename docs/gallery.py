"""Make the pictures of the gallery: one picture, and what each objective and penalty does to it.

    python docs/gallery.py            # all of them, into docs/images/gallery/
    python docs/gallery.py tv grain   # these

Each picture is a recipe; the page `gallery.md` shows them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from batcountry.dreams.dreamer import Dreamer
from batcountry.image.sky import sky

FOLDER = Path(__file__).parent / "images" / "gallery"
SIZE = (320, 200)
BASE: dict[str, Any] = {"octaves": 3, "iterations": 12, "seed": 1, "precision": "exact"}
MIDDLE = 'layer("blocks.10")'
NOISE: dict[str, Any] = {"start": "noise(20, blur=2)", "canvas": "200x320", "jitter": 16}


def still() -> Image.Image:
    """Return the picture that all others are dreams on: a sky over a field, and a ball."""
    width, height = SIZE
    pixels = sky(width, height, seed=4).astype(np.float32)
    y, x = np.mgrid[:height, :width]
    horizon = 128 + 7 * np.sin(x / 37) + 4 * np.sin(x / 13 + 1)
    field = np.stack([70 + 50 * np.sin(x / 9 + y / 5), 120 + 30 * np.sin(y / 3), 45 + 0 * x], -1)
    depth = np.clip((y - horizon) / (height - horizon), 0, 1)[..., None]
    pixels = np.where((y > horizon)[..., None], field * (0.5 + 0.6 * depth), pixels)
    across, down = (x - 214) / 46, (y - 122) / 46
    radius = across**2 + down**2
    light = np.clip(
        0.35 + 0.75 * (-0.5 * across - 0.6 * down + 0.62 * np.sqrt(np.clip(1 - radius, 0, 1))), 0.12, 1.1
    )
    ball = (
        light[..., None] * np.array([230, 96, 46])
        + 40 * (np.sin(6 * across) > 0.6)[..., None] * light[..., None]
    )
    pixels = np.where((radius < 1)[..., None], ball, pixels)
    return Image.fromarray(np.uint8(np.clip(pixels, 0, 255)))


def disc() -> Image.Image:
    """Return the mask of the ball."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    return Image.fromarray(np.uint8(255 * (((x - 214) / 50) ** 2 + ((y - 122) / 50) ** 2 < 1)))


def checks() -> Image.Image:
    """Return a picture with a texture to take on: woven bands of color."""
    y, x = np.mgrid[:160, :160]
    over = ((x // 16 + y // 16) % 2)[..., None]
    across, down = np.array([190, 60, 50]), np.array([40, 70, 140])
    shade = (0.6 + 0.4 * np.sin(x * np.pi / 8))[..., None] * over + (0.6 + 0.4 * np.sin(y * np.pi / 8))[
        ..., None
    ] * (1 - over)
    return Image.fromarray(np.uint8(np.clip((across * over + down * (1 - over)) * shade + 30, 0, 255)))


def recipes(folder: Path) -> dict[str, dict[str, Any]]:
    """Return each picture's options by name; `folder` has the mask and the texture."""
    mask, woven, photo = (str(folder / name) for name in ("disc.png", "woven.png", "start.png"))
    held = 'layer("blocks.10")'
    layers = ("stem", "blocks.1", "blocks.3")
    weave = {
        "objective": " + ".join(f'style("{woven}", "{each}")' for each in layers),
        "iterations": 40,
        "step_size": 3.0,
    }
    return {
        "layer": {"objective": MIDDLE},
        "amplify": {"objective": 'amplify("blocks.10")'},
        "views": {"objective": MIDDLE, "views": 6, "transforms": "rotate(8), noise(15)", "jitter": 16},
        "channel": {"objective": 'channel("blocks.10", 17)'},
        "neuron": {"objective": 'neuron("blocks.10", 17)', "jitter": 4, "iterations": 20},
        "logit": {"objective": 'logit("volcano")', "iterations": 25},
        "direction": {
            "objective": f'direction("blocks.5", {[1.0 if i % 9 == 4 else 0.0 for i in range(80)]}, power=2)'
        },
        "strongest": {"objective": 'strongest("blocks.10", 3)'},
        "weakest": {"objective": 'weakest("blocks.10", 3)'},
        "guide": {"objective": f'guide("{woven}", "blocks.3")'},
        "caricature": {"objective": 'caricature("blocks.10")'},
        "content": {
            "objective": f'content("{photo}", "blocks.2") - 0.001*tv()',
            "iterations": 60,
            "step_size": 3.0,
            **NOISE,
        },
        "style": weave,
        "region": {"objective": f'region("{mask}", layer("blocks.10"))'},
        "tv": {"objective": f"{held} - 0.06*tv()"},
        "grain": {"objective": f"{held} - 0.6*grain(2)"},
        "pnorm": {"objective": f"{held} - 1e-9*pnorm(6)"},
        "drift": {"objective": f"{held} - 0.4*drift()"},
        "drift-features": {"objective": f'{held} - 1.2*drift("blocks.2")'},
        "recolor": {"objective": f'guide("{woven}", "blocks.3") - 40*recolor()'},
        "palette": {"objective": f'guide("{woven}", "blocks.3") - 200*recolor("palette")'},
        "color-keep": {**weave, "color": "keep"},
        "color-match": {**weave, "color": "match"},
    }


def main() -> None:
    """Make the pictures named on the command line, or all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for name, image in (("start", still()), ("disc", disc()), ("woven", checks())):
            image.save(Path(folder) / f"{name}.png")
        still().save(FOLDER / "start.jpg", quality=85)
        checks().save(FOLDER / "woven.jpg", quality=85)
        known = recipes(Path(folder))
        for name in sys.argv[1:] or known:
            dreamer = Dreamer(**{**BASE, **known[name]})
            start = None if "start" in known[name] else still()
            for step in dreamer.dreaming(start):
                if step.last:
                    step.picture().image().save(FOLDER / f"{name}.jpg", quality=85)
                    print(f"{name}: score {step.score:.4g}", dict(step.terms) or "")


if __name__ == "__main__":
    main()
