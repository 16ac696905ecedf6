"""Animated GIF and PNG files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from batcountry.backend.files import unused_name
from batcountry.backend.outputs import Output
from batcountry.errors import VideoError

SUFFIXES = (".gif", ".apng")
"""Of animated pictures."""

_SAMPLES, _SAMPLE_SIDE = 16, 160


def write_animation(output: Output, frames: list[Path], rate: float, note: str) -> None:
    """Write pictures of one size as an animation that plays for ever, whole or not at all.

    A GIF has one palette for all its frames, so that colors do not flicker, and times in hundredths of a
    second, which are rounded so that the whole keeps its length.

    Raises
    ------
    VideoError
        If the file cannot be written.
    """
    target = output.path
    gif = target.suffix.lower() == ".gif"
    times = durations(len(frames), rate, 100 if gif else 1000)
    options: dict[str, Any] = {"save_all": True, "duration": times, "loop": 0}
    if gif:
        palette = _palette(frames)
        first, *rest = (
            each.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG) for each in _opened(frames)
        )
        options |= {"optimize": False, "comment": _ascii(note), "disposal": 1}
    else:
        first, rest = next(_opened(frames)), _Later(frames[1:])  # type: ignore[assignment]
        text = PngImagePlugin.PngInfo()
        text.add_itxt("batcountry", note)
        options |= {"pnginfo": text}
    temporary = unused_name(target.parent, target.suffix)
    try:
        with temporary.open("xb") as file:
            first.save(file, "GIF" if gif else "PNG", append_images=rest, **options)
        output.put(temporary)
    except (OSError, ValueError) as error:
        raise VideoError(f"cannot write {target}: {getattr(error, 'strerror', None) or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def durations(count: int, rate: float, ticks: int) -> list[int]:
    """Return how long each frame is shown, in milliseconds, rounded to `ticks` a second with no drift.

    Players show a GIF's frame of less than 0.02 s far too long, so no frame is shorter.
    """
    at = [round(index / rate * ticks) for index in range(count + 1)]
    least = 20 if ticks == 100 else 1
    return [max(least, (after - before) * 1000 // ticks) for before, after in pairwise(at)]


def _ascii(note: str) -> bytes:
    """Return a note as JSON of ASCII alone, which is all that a GIF's comment holds."""
    return json.dumps(json.loads(note), separators=(",", ":")).encode("ascii") if note else b""


class _Later:
    """Pictures that are opened when they are wanted, as often as they are."""

    def __init__(self, frames: list[Path]) -> None:
        self.frames = frames

    def __iter__(self) -> Iterator[Image.Image]:
        return _opened(self.frames)


def _opened(frames: list[Path]) -> Iterator[Image.Image]:
    for path in frames:
        with Image.open(path) as image:
            yield image.convert("RGB")


def _palette(frames: list[Path]) -> Image.Image:
    """Return 256 colors that suit a sample of all frames."""
    chosen = sorted({round(each) for each in np.linspace(0, len(frames) - 1, _SAMPLES)})
    small = [
        image.reduce(max(1, max(image.size) // _SAMPLE_SIDE))
        for image in _opened([frames[i] for i in chosen])
    ]
    width, height = small[0].size
    sheet = Image.new("RGB", (width, height * len(small)))
    for index, image in enumerate(small):
        sheet.paste(image, (0, index * height))
    return sheet.quantize(256, method=Image.Quantize.MEDIANCUT)
