"""The canvases of a dream on disk, and how far it is."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from batcountry.dreams.disk.canvas import Canvas

Size = tuple[int, int]

_OF_OCTAVE = re.compile(r"(?:base|image)-(\d+)(?:-[01])?\.raw")

CANVAS_FILES = re.compile(rf"{_OF_OCTAVE.pattern}|gradient(-\d+)?\.raw")
"""Names of the files of canvases."""


@dataclass(frozen=True, order=True)
class Reached:
    """How far a dream on disk is: so many iterations of an octave are finished."""

    octave: int = 0
    iteration: int = 0


class Canvases:
    """A folder with the canvases of a dream."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def base(self, octave: int, size: Size) -> Canvas:
        """Return the canvas of the picture at an octave's size."""
        return Canvas(self.folder / f"base-{octave}.raw", size)

    def image(self, reached: Reached, size: Size) -> Canvas:
        """Return the canvas that holds the dream as far as it is; two take turns in an octave."""
        return Canvas(self.folder / f"image-{reached.octave}-{reached.iteration % 2}.raw", size)

    def gradient(self, size: Size) -> Canvas:
        """Return the canvas that gradients are added up on."""
        return Canvas(self.folder / "gradient.raw", size)

    def level(self, index: int, size: Size) -> Canvas:
        """Return the canvas of a coarser level of the gradient; see `batcountry.optim.bands`."""
        return Canvas(self.folder / f"gradient-{index}.raw", size)

    def sweep(self, octave: int) -> None:
        """Delete the canvases of the octaves before one."""
        for path in self.folder.glob("*.raw"):
            found = _OF_OCTAVE.fullmatch(path.name)
            if found and int(found[1]) < octave:
                path.unlink()


def free_disk(folder: Path) -> int:
    """Return the bytes that are free where a folder is, or will be."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    return shutil.disk_usage(there).free


def taken_disk(folder: Path) -> int:
    """Return the bytes of disk that the canvases in a folder take, of which holes are none."""
    found = [each.stat() for each in folder.glob("*.raw") if CANVAS_FILES.fullmatch(each.name)]
    return sum(min(each.st_size, getattr(each, "st_blocks", each.st_size) * 512) for each in found)


def needed_disk(sizes: list[Size]) -> int:
    """Return the bytes of disk that a dream takes: octaves, two of the dream, the gradient and its levels, the result."""
    pixels = [height * width for height, width in sizes]
    return 12 * (sum(pixels) + 3 * pixels[-1]) + 4 * pixels[-1] + 4 * pixels[-1]
