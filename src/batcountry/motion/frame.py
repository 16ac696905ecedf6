"""Frames as they come out of a zoom or a video."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from batcountry.backend.transfers import Fetched, fetch
from batcountry.image.picture import Picture
from batcountry.image.reading import picture_of_levels
from batcountry.motion.form import State
from batcountry.motion.overlap import stage_kind

_PIXELS = ""


@dataclass(frozen=True)
class Frame:
    """One frame of a film.

    Attributes
    ----------
    index
        Counted from 0.
    count
        How many there will be, as far as is known; 0 if nobody knows.
    pts, duration
        When it is shown and how long, in ticks of `time_base`.
    time_base
        Seconds in a tick.
    pixels
        H×W×3 float32, RGB in gray levels 0–255.
    cut
        Whether a scene begins here.
    state
        What the next frame depends on.
    alpha
        H×W uint8, or None if there is no transparency.
    """

    index: int
    count: int
    pts: int
    duration: int
    time_base: Fraction
    pixels: NDArray[np.float32] = field(repr=False)
    cut: bool = False
    state: State = field(default_factory=dict, repr=False, compare=False)
    alpha: NDArray[np.uint8] | None = field(default=None, repr=False)

    @property
    def time(self) -> Fraction:
        """When it is shown, in seconds."""
        return self.pts * self.time_base

    def picture(self) -> Picture:
        """Return the frame as a picture, which can be saved."""
        return picture_of_levels(self.pixels if self.alpha is None else np.dstack([self.pixels, self.alpha]))

    def levels(self, deep: bool = False) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Return H×W×3 whole numbers, of 8 bits or of 16, or H×W×4 with transparency."""
        pixels = (
            self.pixels if self.alpha is None else np.dstack([self.pixels, self.alpha.astype(np.float32)])
        )
        if deep:
            return np.rint(np.clip(pixels, 0, 255) * np.float32(257)).astype(np.uint16)
        return np.rint(np.clip(pixels, 0, 255)).astype(np.uint8)


@dataclass(frozen=True)
class Dreamt:
    """A frame on the device that it was dreamed on, where it may be still in the making.

    Attributes
    ----------
    index, count, pts, duration, time_base, cut, alpha
        See `Frame`.
    image
        (1, 3, H, W), RGB in gray levels.
    state
        What the next frame depends on, by name: arrays, and pictures of that shape or other tensors on the device.
    look
        Raises the error of a dream that went wrong, if that is known only once somebody looks.
    """

    index: int
    count: int
    pts: int
    duration: int
    time_base: Fraction
    image: Tensor = field(repr=False)
    cut: bool = False
    state: Mapping[str, Tensor | NDArray[Any]] = field(default_factory=dict, repr=False)
    alpha: NDArray[np.uint8] | None = field(default=None, repr=False)
    look: Callable[[], None] = field(default=lambda: None, repr=False)

    def coming(self) -> Callable[[], Frame]:
        """Begin to bring the numbers from the device, and return what waits for them and gives the frame."""
        fetched = _fetched({_PIXELS: self.image, **self.state})

        def frame() -> Frame:
            self.look()
            state = fetched()
            facts = self.index, self.count, self.pts, self.duration, self.time_base
            return Frame(*facts, state.pop(_PIXELS), self.cut, state, self.alpha)

        return frame

    def finished(self, *, deep: bool) -> Finished:
        """Return what is stored of it, which begins to come from the device, in 8 bits or in 16."""
        levels = fetch(levels_of(self.image, deep=deep))
        return Finished(self, levels, _fetched(self.state))


@dataclass(frozen=True)
class Finished:
    """A frame's whole numbers, and what the next one depends on, on their way from the device."""

    dreamt: Dreamt
    _levels: Fetched = field(repr=False)
    _state: Callable[[], State] = field(repr=False)

    @property
    def index(self) -> int:
        """See `Frame`."""
        return self.dreamt.index

    @property
    def pts(self) -> int:
        """See `Frame`."""
        return self.dreamt.pts

    @property
    def duration(self) -> int:
        """See `Frame`."""
        return self.dreamt.duration

    def state(self) -> State:
        """Return what the next frame depends on, waiting for it."""
        self.dreamt.look()
        return self._state()

    def levels(self, deep: bool = False) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Return H×W×3 whole numbers, or H×W×4 with transparency, waiting for them; `deep` as they were asked for."""
        levels, alpha = self._levels.array(), self.dreamt.alpha
        assert deep is (levels.dtype == np.int16)
        if deep:
            levels = levels.view(np.uint16) ^ np.uint16(1 << 15)
        if alpha is None:
            return levels
        return np.dstack([levels, alpha.astype(np.uint16) * np.uint16(257) if deep else alpha])


def arrived(frames: Generator[Dreamt], device: torch.device) -> Generator[Frame]:
    """Yield frames off their device, each while that dreams the next one if the stages of a film run side by side."""
    before: Callable[[], Frame] | None = None
    with closing(frames):
        for each in frames:
            coming = each.coming()
            if stage_kind(device) == "in turn":
                yield coming()
                continue
            if before is not None:
                yield before()
            before = coming
        if before is not None:
            yield before()


def levels_of(image: Tensor, *, deep: bool) -> Tensor:
    """Return a picture, (1, 3, H, W), as H×W×3 uint8; with `deep` as int16, 2¹⁵ less than levels of 16 bits."""
    levels = image[0].clamp(0, 255)
    # PyTorch can do little with uint16.
    whole = (levels * 257).round_().sub_(1 << 15).short() if deep else levels.round_().byte()
    return whole.permute(1, 2, 0).contiguous()


def _fetched(tensors: Mapping[str, Tensor | NDArray[Any]]) -> Callable[[], State]:
    """Begin to bring tensors back, pictures as H×W×3, each once; returns what waits for them."""
    begun = {
        id(each): fetch(each[0].permute(1, 2, 0).contiguous() if each.ndim == 4 else each)
        for each in {id(each): each for each in tensors.values()}.values()
        if isinstance(each, Tensor)
    }
    return lambda: {
        name: begun[id(each)].array() if isinstance(each, Tensor) else each for name, each in tensors.items()
    }


def tensor(pixels: NDArray[np.float32], device: torch.device) -> Tensor:
    """Return pixels, H×W×3, as (1, 3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].contiguous().to(device)


def array(image: Tensor) -> NDArray[np.float32]:
    """Return (1, 3, H, W) as pixels, H×W×3."""
    return image[0].permute(1, 2, 0).contiguous().cpu().numpy()
