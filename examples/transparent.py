"""Draw what objectives stand for as transparent pictures, and put them on one sheet, over three grounds.

python examples/transparent.py sheet.jpg --objectives 'channel("blocks.10", 40)' 'channel("blocks.10", 17)'
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import batcountry


def grounds(size: tuple[int, int]) -> list[Image.Image]:
    """Return white, a checkerboard, and black, of a width and a height."""
    y, x = np.mgrid[: size[1], : size[0]] // 10
    checks = Image.fromarray(np.uint8(np.where((x + y) % 2, 204, 255))).convert("RGBA")
    return [Image.new("RGBA", size, "white"), checks, Image.new("RGBA", size, "black")]


def sheet(pictures: list[batcountry.Picture]) -> Image.Image:
    """Return the pictures in a row, over each ground one."""
    width, height = pictures[0].size
    found = Image.new("RGB", (len(pictures) * width, 3 * height))
    for column, picture in enumerate(pictures):
        for row, ground in enumerate(grounds((width, height))):
            ground.alpha_composite(picture.image().convert("RGBA"))
            found.paste(ground.convert("RGB"), (column * width, row * height))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--objectives", nargs="+", required=True)
    parser.add_argument("--model", default="efficientnet-lite0")
    parser.add_argument("--preset", default="channel")
    parser.add_argument("--fade", type=float, default=2.0)
    settings = parser.parse_args()
    options = {"model": settings.model, "preset": settings.preset, "fade": settings.fade}
    pictures = batcountry.visualize(settings.objectives, alpha=True, **options)
    sheet(pictures).save(settings.output, quality=85)
    shares = ", ".join(f"{each.alpha.mean() / 255:.0%}" for each in pictures)
    print(f"{settings.output}: opaque are {shares}")


if __name__ == "__main__":
    main()
