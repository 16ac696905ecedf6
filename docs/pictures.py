"""Make the pictures of the README, of films and of both precisions.

    python docs/pictures.py              # all of them, into docs/images/
    python docs/pictures.py sky motion   # these

Each is what the defaults make of a picture that is made here, so all are made again, by this one command, when those change.
"""

from __future__ import annotations

import runpy
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import batcountry
from batcountry.image.sky import sky
from batcountry.motion import join_frames, video, zoom

HERE = Path(__file__).parent
IMAGES = HERE / "images"


def row(*pictures: Image.Image | NDArray[np.floating], gap: int = 0) -> Image.Image:
    """Return pictures of one size beside each other."""
    images = [
        each if isinstance(each, Image.Image) else Image.fromarray(np.uint8(np.clip(each, 0, 255).round()))
        for each in pictures
    ]
    width, height = images[0].size
    found = Image.new("RGB", (len(images) * (width + gap) - gap, height), "white")
    for index, image in enumerate(images):
        found.paste(image, (index * (width + gap), 0))
    return found


def make_sky() -> dict[str, Image.Image]:
    """Return what `make dream` makes."""
    return {"sky-dream": batcountry.dream().image()}


def make_still_life() -> dict[str, Image.Image]:
    """Return the still life, and what `bat-country dream still-life.png --seed 2` makes of it."""
    program = runpy.run_path(str(HERE.parent / "examples" / "still_life.py"))
    image = Image.fromarray(program["still_life"]())
    return {"still-life": image, "still-life-dream": batcountry.dream(image, seed=2).image()}


def make_precision() -> dict[str, Image.Image]:
    """Return a sky dreamed on in exact precision, and beside it in fast."""
    both = (batcountry.dream(sky(640, 359), precision=each).image() for each in ("exact", "fast"))
    return {"precision": row(*both, gap=10)}


def make_motion() -> dict[str, Image.Image]:
    """Return four frames of a looped zoom into a sky, and below four of a video that pans over one."""
    zoomed = [frame.pixels for frame in zoom(sky(320, 180), frames=48, loop=True, zoom=1.05)]
    wide = sky(640, 360)
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder) / "frames"
        frames.mkdir()
        for index in range(16):
            left = 10 * index
            Image.fromarray(wide[60:240, left : left + 320]).save(frames / f"{index:03d}.png")
        list(join_frames(frames, Path(folder) / "pan.mkv", fps="12"))
        panned = [frame.pixels for frame in video(Path(folder) / "pan.mkv")]
    rows = [row(*zoomed[::16], zoomed[-1]), row(*panned[::5])]
    found = Image.new("RGB", (rows[0].width, 360))
    for index, each in enumerate(rows):
        found.paste(each, (0, 180 * index))
    return {"motion": found}


PICTURES: dict[str, Callable[[], dict[str, Image.Image]]] = {
    "sky": make_sky,
    "still-life": make_still_life,
    "precision": make_precision,
    "motion": make_motion,
}


def main() -> None:
    """Make the pictures named on the command line, or all."""
    for name in sys.argv[1:] or PICTURES:
        for target, image in PICTURES[name]().items():
            image.convert("RGB").save(IMAGES / f"{target}.jpg", quality=85)
            print(target, flush=True)


if __name__ == "__main__":
    main()
