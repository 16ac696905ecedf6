"""Draw what a classifier takes for some classes of ImageNet, and put them on one sheet.

python examples/classes.py classes.jpg --preset class-small
python examples/classes.py classes.jpg --model models/bvlc_googlenet
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import batcountry
from batcountry.visualizing import visualizing

CLASSES = {
    1: "goldfish",
    88: "macaw",
    130: "flamingo",
    145: "king penguin",
    207: "golden retriever",
    277: "red fox",
    291: "lion",
    292: "tiger",
    323: "monarch",
    340: "zebra",
    386: "elephant",
    388: "panda",
    483: "castle",
    574: "golf ball",
    607: "jack-o'-lantern",
    779: "school bus",
    817: "sports car",
    947: "mushroom",
    949: "strawberry",
    954: "banana",
    963: "pizza",
    970: "alp",
    980: "volcano",
    985: "daisy",
}


def sheet(pictures: list[batcountry.Picture], names: list[str], columns: int, side: int) -> Image.Image:
    """Return the pictures row by row, each with its name below."""
    rows = -(-len(pictures) // columns)
    found = Image.new("RGB", (columns * side, rows * (side + 20)), "white")
    draw, font = ImageDraw.Draw(found), ImageFont.load_default(13)
    for index, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        x, y = index % columns * side, index // columns * (side + 20)
        found.paste(picture.image().resize((side - 4, side - 4), Image.Resampling.LANCZOS), (x + 2, y + 2))
        draw.text((x + side / 2, y + side + 8), name, fill="black", font=font, anchor="mm")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--model", default="efficientnet-lite0")
    parser.add_argument("--classes", type=int, nargs="+", default=list(CLASSES), help="Numbers, from 0.")
    parser.add_argument("--preset", default="class")
    parser.add_argument("--side", type=int, default=170, help="Of a picture on the sheet, in pixels.")
    settings = parser.parse_args()
    aims = [f"logit({each})" for each in settings.classes]
    pictures: list[batcountry.Picture] = []
    for moment in visualizing(aims, model=settings.model, preset=settings.preset):
        print(f"\r{moment.done:.0%}", end="", flush=True)
        if moment.step.last:
            pictures += moment.pictures()
    names = [CLASSES.get(each, str(each)) for each in settings.classes]
    made = sheet(pictures, names, 6, settings.side)
    made.save(settings.output, quality=85)
    print(
        f"\r{settings.output}: {len(pictures)} classes, contrast {np.std([each.pixels for each in pictures]):.0f}"
    )


if __name__ == "__main__":
    main()
