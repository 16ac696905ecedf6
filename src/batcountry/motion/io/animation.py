"""Animated GIF, PNG and WebP files."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from batcountry.backend.files import unused_name
from batcountry.backend.outputs import Output
from batcountry.errors import VideoError
from batcountry.image.files import with_note
from batcountry.image.reading import read_picture
from batcountry.recipe.json_text import ascii_json

SUFFIXES = (".gif", ".apng", ".webp")
"""Of animated pictures."""

_SAMPLES, _SAMPLE_SIDE = 16, 160
_CLEAR = 255  # the place in a GIF's palette of what is transparent


def write_animation(
    output: Output,
    frames: list[Path],
    stamps: list[tuple[int, int]],
    time_base: Fraction,
    note: str,
    *,
    quality: int = 80,
) -> None:
    """Write pictures of one size as an animation that plays for ever, whole or not at all.

    A GIF has one palette for all its frames, so that colors do not flicker, and times in hundredths of a
    second, which are rounded so that the whole keeps its length. Its pixels are transparent wholly or not at all.

    Parameters
    ----------
    stamps
        Each frame's pts and duration, in ticks of `time_base` seconds.
    quality
        Of WebP, 0 to 100.

    Raises
    ------
    VideoError
        If the file cannot be written.
    """
    target = output.path
    kind = {".gif": "GIF", ".webp": "WEBP"}.get(target.suffix.lower(), "PNG")
    options: dict[str, Any] = {
        "save_all": True,
        "duration": durations(stamps, time_base, 100 if kind == "GIF" else 1000),
        "loop": 0,
    }
    later: Any = _Later(frames[1:])
    if kind == "GIF":
        first, *later = _indexed(frames)
        clear = {"transparency": _CLEAR, "disposal": 2} if "transparency" in first.info else {"disposal": 1}
        comment = ascii_json(note).encode("ascii") if note else b""  # which holds nothing else
        options |= {"optimize": False, "comment": comment, **clear}
    else:
        first = next(_opened(frames))
        options |= with_note(kind, note) if note else {}
        options |= {"quality": quality} if kind == "WEBP" else {}
    temporary = unused_name(target.parent, target.suffix)
    try:
        with temporary.open("xb") as file:
            first.save(file, kind, append_images=later, **options)
        output.put(temporary)
    except (OSError, ValueError) as error:
        raise VideoError(f"cannot write {target}: {getattr(error, 'strerror', None) or error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def durations(stamps: list[tuple[int, int]], time_base: Fraction, ticks: int) -> list[int]:
    """Return how long each frame is shown, in milliseconds, rounded to `ticks` a second with no drift.

    Players show a GIF's frame of less than 0.02 s for 0.1 s, and so those of others of 0.01 s or less. So no frame is
    shorter; those after it are, as far as they can be, until the times are right again.
    """
    begin, (last, length) = stamps[0][0], stamps[-1]
    ends = [*(pts for pts, _ in stamps[1:]), last + length]
    least, now, found = (2 if ticks == 100 else 11), 0, []
    for end in ends:
        shown = max(least, round((end - begin) * time_base * ticks) - now)
        found.append(shown * 1000 // ticks)
        now += shown
    return found


class _Later:
    """Picture files as something that can be gone through again and again, of which one picture at a time is in memory."""

    def __init__(self, frames: list[Path]) -> None:
        self.frames = frames

    def __iter__(self) -> Iterator[Image.Image]:
        return _opened(self.frames)


def _opened(frames: list[Path]) -> Iterator[Image.Image]:
    for path in frames:
        yield read_picture(path, frame=1).image()


def _indexed(frames: list[Path]) -> list[Image.Image]:
    """Return pictures of one palette; where any is transparent, all have a color for that."""
    clear = any(image.mode == "RGBA" for image in _opened(frames))
    palette = _palette(frames, 255 if clear else 256)
    found = []
    for image in _opened(frames):
        indexed = image.convert("RGB").quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
        if clear:
            if image.mode == "RGBA":
                indexed.paste(_CLEAR, mask=image.getchannel("A").point([255] * 128 + [0] * 128))
            indexed.info["transparency"] = _CLEAR
        found.append(indexed)
    return found


def _palette(frames: list[Path], colors: int) -> Image.Image:
    """Return so many colors that suit a sample of all frames."""
    chosen = sorted({round(each) for each in np.linspace(0, len(frames) - 1, _SAMPLES)})
    small = [
        image.convert("RGB").reduce(max(1, max(image.size) // _SAMPLE_SIDE))
        for image in _opened([frames[i] for i in chosen])
    ]
    width, height = small[0].size
    sheet = Image.new("RGB", (width, height * len(small)))
    for index, image in enumerate(small):
        sheet.paste(image, (0, index * height))
    return sheet.quantize(colors, method=Image.Quantize.MEDIANCUT)
