"""What a network sees in one picture: which channels it excites, where, and what each place is taken for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from typing_extensions import Unpack

from batcountry.atlas.atlas_kind import BATCH
from batcountry.atlas.folder import write_page
from batcountry.backend.files import replace_file
from batcountry.backend.folders import check_makeable, make_folder
from batcountry.backend.memory_room import allowed_memory
from batcountry.backend.outputs import check_folder_of_ours, check_new
from batcountry.backend.policy import OPEN, Policy
from batcountry.dreams.batches import most_at_once
from batcountry.dreams.keywords import ChannelOptions, ModelLike, PictureLike
from batcountry.dreams.prepare import prepare
from batcountry.dreams.visualize import visualizing
from batcountry.errors import RecipeError
from batcountry.image.files import encode
from batcountry.image.initial import pink
from batcountry.image.picture import Picture
from batcountry.image.reading import read_picture
from batcountry.image.sources.reduced import needed_at
from batcountry.jobs.messages import only_warnings
from batcountry.models import Model
from batcountry.objectives import Objective, channel
from batcountry.optim.alpha import alpha_mode
from batcountry.recipe.units import parsed_size

TOP = 12
"""Channels that are shown if nothing is said."""

CELLS = 8
"""Places along the longer side of the grid, at most."""

NAMES = re.compile(r"index\.html|look\.json|pictures")
"""Names in the folder of a look."""

_TOGETHER = 3  # channels that stand for a place
_NOISES = 3  # pictures of noise that say what is usual


@dataclass(frozen=True)
class ActivationReport:
    """What a layer makes of a picture.

    Attributes
    ----------
    excitement : (C, h, w)
        Of each channel at each place: by how many standard deviations its activation is above its mean on
        noise that has the spectrum and colors of photographs. 0 for channels that such noise leaves unmoved and
        the picture too.
    """

    layer: str
    excitement: Tensor

    def strongest(self, count: int) -> list[tuple[int, float]]:
        """Return the most excited channels, and how much: the root mean square of what is above 0, over the places."""
        whole = self.excitement.clamp(min=0).square().mean((1, 2)).sqrt()
        values, channels = whole.topk(min(count, len(whole)))
        return [(int(each), float(value)) for each, value in zip(channels, values, strict=True)]

    def places(self) -> list[list[Objective]]:
        """Return rows of objectives, one for each cell of a grid over the picture.

        Each is of the channels that its place excites most, beyond what the picture does on the whole, weighted by that.
        """
        high, wide = self.excitement.shape[-2:]
        scale = min(1.0, CELLS / max(high, wide))
        size = max(1, round(high * scale)), max(1, round(wide * scale))
        pooled = F.adaptive_avg_pool2d(self.excitement, size)
        pooled = pooled - pooled.mean((1, 2), keepdim=True)
        return [[self._objective(pooled[:, y, x]) for x in range(size[1])] for y in range(size[0])]

    def _objective(self, excitement: Tensor) -> Objective:
        values, channels = excitement.topk(min(_TOGETHER, len(excitement)))
        shares = values.clamp(min=1e-3) / values.clamp(min=1e-3).sum()
        first, *rest = [
            round(float(share), 2) * channel(self.layer, int(each))
            for share, each in zip(shares, channels, strict=True)
            if round(float(share), 2) > 0
        ]
        return sum(rest, first)


def seen(model: Model, picture: Picture, layer: str) -> ActivationReport:
    """Return what a layer makes of a picture.

    Raises
    ------
    RecipeError
        If the picture is too small for the network, or the layer has no places.
    """
    image = torch.from_numpy(picture.pixels).permute(2, 0, 1)[None].to(model.device)
    high, wide = image.shape[-2:]
    noise = np.stack([pink()(high, wide, seed) for seed in range(_NOISES)])
    usual = torch.from_numpy(noise).permute(0, 3, 1, 2).to(image)
    with torch.no_grad():
        try:
            found, plain = (model.activations(each, (layer,))[layer].float() for each in (image, usual))
        except RuntimeError:
            raise RecipeError(
                f"the network cannot run on {wide}×{high} pixels as far as {layer!r}; use another size"
            ) from None
    if found.ndim != 4:
        raise RecipeError(f"layer {layer!r} has no places in the picture; choose one with a stride")
    mean, spread = plain.mean((0, 2, 3)), plain.std((0, 2, 3))
    spread = spread.clamp(min=0.05 * float(spread.mean()) + 1e-12)
    return ActivationReport(layer, ((found[0].transpose(0, 2) - mean) / spread).transpose(0, 2).cpu())


def heat(picture: Picture, excitement: Tensor) -> NDArray[np.uint8]:
    """Return a picture, H×W×3 uint8, dark and gray where a channel, (h, w), is not excited, and lit where it is."""
    high, wide = picture.pixels.shape[:2]
    top = max(float(excitement.max()), 1e-6)
    share = F.interpolate((excitement / top).clamp(0, 1)[None, None], (high, wide), mode="bilinear")[0, 0]
    light = share.numpy()[..., None]
    gray = picture.pixels.mean(2, keepdims=True) * 0.35
    warm = np.array([255.0, 140.0, 0.0], np.float32) * 0.25 * light
    return np.uint8(np.clip(gray * (1 - light) + (picture.pixels * 0.9 + warm) * light, 0, 255))


def looking(
    image: PictureLike,
    out: str | Path,
    model: ModelLike = "efficientnet-lite0",
    layer: str | None = None,
    *,
    top: int = TOP,
    size: int = 448,
    overwrite: bool = False,
    policy: Policy = OPEN,
    **options: Unpack[ChannelOptions],
) -> Iterator[float]:
    """Write a folder that shows what a layer sees in a picture: heat maps of channels, and a grid of places.

    Parameters
    ----------
    image
        Whatever `batcountry.read_picture` takes.
    out
        A new folder.
    model, layer
        As for `dream`.
    top
        How many channels to show.
    size
        The picture is shrunk so that its longer side has this many pixels.
    overwrite
        Whether what an earlier look wrote into the folder may be replaced.
    policy
        What the recipe may do, as for `dream`.
    options
        As for `dream`, of the pictures of channels and places; the preset is `thumbnail` if none is named.

    Yields
    ------
    float
        Share of the work that is done, after each iteration.

    Raises
    ------
    BatCountryError
        If the picture, an option, the model or the layer cannot be used; at the call, not at the first step.
    """
    if top < 1 or size < 16:
        raise RecipeError("look shows at least one channel, of a picture of at least 16 pixels")
    with allowed_memory(options.get("max_memory")):
        picture = read_picture(image, policy=policy, need=needed_at(size)).fitted(size)
    folder = Path(out)
    source = [Path(image)] if isinstance(image, (str, Path)) else []
    check_new(folder, overwrite=overwrite)
    check_folder_of_ours(folder, NAMES, source)
    check_makeable(folder)
    asked = prepare(options={"preset": "thumbnail", **options, "model": model}, policy=policy)
    alpha_mode(asked.recipe).check_opaque("a look")
    opened = asked.open_model()
    name = opened.layer(layer or opened.default_layer).name
    sight = seen(opened, picture, name)
    strongest, places = sight.strongest(top), sight.places()
    aims = [channel(name, each) for each, _ in strongest]
    aims += [each for each in dict.fromkeys(each for row in places for each in row) if each not in aims]
    batch = most_at_once(None, prod(parsed_size(asked.recipe.canvas)), opened.device, BATCH)
    moments = visualizing(aims, asked.with_model(opened), batch=batch)

    def run() -> Iterator[float]:
        drawn: list[Picture] = []
        with only_warnings():  # each batch would say what memory it takes
            for moment in moments:
                if moment.step.last:
                    drawn += moment.pictures()
                yield moment.done * 0.999
        _write(folder, picture, sight, dict(zip(aims, drawn, strict=True)), strongest)
        yield 1.0

    return run()


def _write(
    folder: Path,
    picture: Picture,
    sight: ActivationReport,
    drawn: dict[Objective, Picture],
    strongest: list[tuple[int, float]],
) -> None:
    make_folder(folder / "pictures")

    def put(image: Image.Image, name: str) -> str:
        place = folder / "pictures" / name
        encode(image, place, note=None, icc=None, quality=90, overwrite=True)
        return f"pictures/{name}"

    channels = []
    for each, value in strongest:
        aim = channel(sight.layer, each)
        channels.append(
            {
                "channel": each,
                "excitement": round(value, 2),
                "objective": str(aim),
                "heat": put(Image.fromarray(heat(picture, sight.excitement[each])), f"heat-{each}.jpg"),
                "picture": put(drawn[aim].image().convert("RGB"), f"channel-{each}.jpg"),
            }
        )
    places = sight.places()
    rows = [np.concatenate([drawn[each].array() for each in row], 1) for row in places]
    facts = {
        "layer": sight.layer,
        "source": picture.source,
        "picture": put(picture.image().convert("RGB"), "picture.jpg"),
        "grid": put(Image.fromarray(np.concatenate(rows)), "grid.jpg"),
        "places": [[str(each) for each in row] for row in places],
        "channels": channels,
    }
    replace_file(folder / "look.json", json.dumps(facts, ensure_ascii=False, indent=1).encode())
    write_page(folder / "index.html", "look.html", facts)
