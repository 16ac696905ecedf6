"""What is dreamed on frame by frame: a film, an animated picture or a folder of pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batcountry.image.sizes import scaled_size

BT709, UNSPECIFIED, BT601 = 1, 2, 6
"""FFmpeg's codes of matrices."""

LIMITED, FULL = 1, 2
"""FFmpeg's codes of ranges."""

_RGB = 0


@dataclass(frozen=True)
class Colors:
    """How a video's numbers stand for colors, in FFmpeg's codes: its tags, which are passed on as they are."""

    matrix: int = BT709
    range: int = LIMITED
    primaries: int = BT709
    transfer: int = BT709

    def meant_matrix(self, height: int) -> int:
        """Return the matrix, or, if there is no tag, the one that players take for such a height."""
        if self.matrix not in (UNSPECIFIED, _RGB):
            return self.matrix
        return BT709 if height >= 720 else BT601

    def of_yuv(self, height: int) -> Colors:
        """Return these colors for frames that were RGB and are written as YUV: a matrix and a range are chosen."""
        return Colors(self.meant_matrix(height), LIMITED, self.primaries, self.transfer)


@dataclass(frozen=True)
class Clip(ABC):
    """What is known of a video before it is read; each kind of source has its own, which yields its frames.

    Attributes
    ----------
    size
        (width, height) of the upright frames in pixels.
    time_base
        Seconds in one tick of the frames' times.
    rate
        Frames a second, on the average.
    frames
        How many frames it has, or an estimate, or 0 if nobody knows.
    deep
        Whether it has more than 8 bits a color.
    aspect
        Width of a pixel divided by its height.
    start
        When the first frame is shown, in seconds.
    origin
        What is taken off all times, in seconds: where a broadcast's clock stood, else 0.
    alpha
        Whether it has transparency.
    sound
        Whether the file may have sound and subtitles.
    """

    path: Path
    size: tuple[int, int]
    time_base: Fraction
    rate: Fraction
    frames: int
    deep: bool
    colors: Colors
    aspect: Fraction
    start: Fraction = Fraction(0)
    origin: Fraction = Fraction(0)
    alpha: bool = False
    sound: bool = True

    @abstractmethod
    def shots(self) -> Iterator[Shot]:
        """Yield the frames in order of time."""

    @abstractmethod
    def starts(self) -> Iterable[Fraction]:
        """Give when each frame is shown, in seconds, in any order; nothing is decoded for that."""

    def time_from(self, moment: Fraction) -> Fraction:
        """Return when the first frame at or after a moment is shown, in seconds; the moment if there is none."""
        return min((start for start in self.starts() if start >= moment), default=moment)


@dataclass(frozen=True)
class Shot:
    """One frame of a video.

    Attributes
    ----------
    index
        Counted from 0 in the whole video.
    pts, duration
        When it is shown and how long, in ticks of the clip's time base.
    levels
        H×W×3, RGB, uint8, or uint16 (all 16 bits used) if the video has more than 8 bits.
    alpha
        H×W uint8, or None if the video has no transparency.
    """

    index: int
    pts: int
    duration: int
    levels: NDArray[Any] = field(repr=False)
    alpha: NDArray[np.uint8] | None = field(default=None, repr=False)

    def pixels(self) -> NDArray[np.float32]:
        """Return H×W×3 float32 in gray levels 0–255."""
        return self.levels.astype(np.float32) * np.float32(255 / np.iinfo(self.levels.dtype).max)

    def eight(self) -> NDArray[np.uint8]:
        """Return H×W×3 uint8."""
        return eight_bits(self.levels)


def eight_bits(levels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return levels of 8 bits, or of 16, as 8."""
    return levels if levels.dtype == np.uint8 else (levels >> 8).astype(np.uint8)


def frame_size(size: tuple[int, int], longest: int | None, *, even: bool = True) -> tuple[int, int]:
    """Return the (width, height) that frames are to have: at most `longest`, and even, as most codecs have it."""
    if longest and max(size) > longest:
        size = scaled_size(size, longest)
    width, height = size
    return (max(2, width // 2 * 2), max(2, height // 2 * 2)) if even else (max(1, width), max(1, height))
