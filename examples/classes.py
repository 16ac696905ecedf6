"""Draw what a classifier takes for some classes of ImageNet, and put them on one sheet.

python examples/classes.py classes.jpg --preset class-small
python examples/classes.py classes.jpg --model models/bvlc_googlenet
python examples/classes.py classes.jpg --preset class-small --judge models/bvlc_googlenet

With a judge, another network of the same classes is asked what it sees in the pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

import batcountry
from batcountry.dreams.visualize import visualizing
from batcountry.models.model import CLASSES as CLASSES_LAYER

CLASSES = {
    1: "goldfish",
    28: "spotted salamander",
    76: "tarantula",
    88: "macaw",
    96: "toucan",
    107: "jellyfish",
    108: "sea anemone",
    113: "snail",
    130: "flamingo",
    145: "king penguin",
    207: "golden retriever",
    277: "red fox",
    291: "lion",
    292: "tiger",
    301: "ladybug",
    323: "monarch",
    340: "zebra",
    386: "elephant",
    388: "panda",
    417: "balloon",
    483: "castle",
    555: "fire engine",
    574: "golf ball",
    607: "jack-o'-lantern",
    724: "pirate ship",
    779: "school bus",
    805: "soccer ball",
    817: "sports car",
    837: "sunglasses",
    849: "teapot",
    879: "umbrella",
    889: "violin",
    933: "cheeseburger",
    947: "mushroom",
    949: "strawberry",
    951: "lemon",
    953: "pineapple",
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


def places(pictures: list[batcountry.Picture], classes: list[int], model: str) -> list[int]:
    """Return at which place, from 1, a network has each picture's class among its own guesses."""
    judge = batcountry.open_model(model)
    found = []
    for picture, wanted in zip(pictures, classes, strict=True):
        small = np.array(picture.image().resize((224, 224), Image.Resampling.BILINEAR), np.float32)
        seen = torch.from_numpy(small).permute(2, 0, 1)[None]
        with torch.no_grad():
            guesses = judge.activations(seen, [CLASSES_LAYER])[CLASSES_LAYER].flatten()
        found.append(1 + int((guesses > guesses[wanted]).sum()))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--model", default="efficientnet-lite0")
    parser.add_argument("--classes", type=int, nargs="+", default=list(CLASSES), help="Numbers, from 0.")
    parser.add_argument("--preset", default="class")
    parser.add_argument("--judge", help="Another model that is asked what it sees.")
    parser.add_argument("--columns", type=int, default=6)
    parser.add_argument("--side", type=int, default=170, help="Of a picture on the sheet, in pixels.")
    settings = parser.parse_args()
    aims = [f"logit({each})" for each in settings.classes]
    pictures: list[batcountry.Picture] = []
    for moment in visualizing(aims, model=settings.model, preset=settings.preset):
        print(f"\r{moment.done:.0%}", end="", flush=True)
        if moment.step.last:
            pictures += moment.pictures()
    names = [CLASSES.get(each, str(each)) for each in settings.classes]
    made = sheet(pictures, names, settings.columns, settings.side)
    made.save(settings.output, quality=85)
    print(
        f"\r{settings.output}: {len(pictures)} classes, contrast {np.std([each.pixels for each in pictures]):.0f}"
    )
    if settings.judge:
        found = places(pictures, settings.classes, settings.judge)
        first, fifth = (sum(place <= most for place in found) for most in (1, 5))
        print(
            f"{settings.judge} has {first} of {len(found)} at the first place, {fifth} among the first five"
        )
        print(", ".join(f"{name} {place}" for name, place in zip(names, found, strict=True)))


if __name__ == "__main__":
    main()
