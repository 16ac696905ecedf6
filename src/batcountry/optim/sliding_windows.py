"""Overlapping windows over a picture, even ones and odd ones in turn, for networks that take pictures of one size.

cnn-vis's way to large pictures. Unlike tiles (`batcountry.optim.tiles`) windows change what is dreamed: each is a picture
of its own to the network, and steps are made on it by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from batcountry.backend.devices import widened
from batcountry.errors import RecipeError
from batcountry.optim.ascent import Ascent, Climb
from batcountry.optim.aux_inputs import NO_AUX_INPUTS, AuxInputs
from batcountry.optim.optimizers import State
from batcountry.optim.param import Pixels


@dataclass(frozen=True)
class Window:
    """A part of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def of(self, picture: Tensor) -> Tensor:
        """Return the view of (…, H, W) in it."""
        return picture[..., self.top : self.top + self.height, self.left : self.left + self.width]


def starts(length: int, side: int) -> list[int]:
    """Return where windows of `side` pixels begin on an axis, evenly: as few as cover it."""
    count = -(-length // side)
    if count == 1:
        return [0]
    step = (length - side) / (
        count - 1
    )  # first, as NumPy's linspace does: a half is rounded as cnn-vis rounds it
    return [int(index * step + 0.5) for index in range(count)]


def windows(size: tuple[int, int], window: tuple[int, int]) -> tuple[list[Window], list[Window]]:
    """Return the even and the odd windows over a picture, as on a chessboard; sizes are (height, width).

    Neighbors along an axis overlap, and no window overlaps with the next but one.

    Raises
    ------
    RecipeError
        If the picture is smaller than a window.
    """
    check_windows([size], window)
    even: list[Window] = []
    odd: list[Window] = []
    for column, left in enumerate(starts(size[1], window[1])):
        for row, top in enumerate(starts(size[0], window[0])):
            (even if row % 2 == column % 2 else odd).append(Window(top, left, *window))
    return even, odd


def check_windows(sizes: Sequence[tuple[int, int]], window: tuple[int, int]) -> None:
    """Raise `RecipeError` if pictures of one of the sizes have no room for a window; all are (height, width)."""
    for height, width in sizes:
        if height < window[0] or width < window[1]:
            raise RecipeError(
                f"an octave of {width}×{height} pixels has no room for windows of {window[1]}×{window[0]}; "
                "make the picture or its initial_size larger, or take fewer octaves"
            )


def middle_of(window: tuple[int, int], picture: Tensor) -> Window:
    """Return where (…, H, W) lies in what `mirrored` makes of it."""
    height, width = picture.shape[-2:]
    return Window(max(0, window[0] - height) // 2, max(0, window[1] - width) // 2, height, width)


def mirrored(picture: Tensor, window: tuple[int, int]) -> Tensor:
    """Return (…, H, W) at least as large as a window: in its middle, with its own mirror image round it."""
    own = middle_of(window, picture)
    for axis, before, side, least in (
        (-2, own.top, own.height, window[0]),
        (-1, own.left, own.width, window[1]),
    ):
        if side < least:
            order = np.pad(np.arange(side), (before, least - side - before), mode="reflect")
            picture = picture.index_select(axis, torch.from_numpy(order).to(picture.device))
    return picture


def counted(size: tuple[int, int], all_windows: Sequence[Window]) -> Tensor:
    """Return how many windows lie over each pixel, (H, W)."""
    counts = torch.zeros(size)
    for window in all_windows:
        window.of(counts).add_(1)
    return counts


@dataclass(frozen=True)
class WindowedAscent:
    """How a picture is made to score higher, window by window.

    Attributes
    ----------
    ascent
        What is done with each window; its parametrization is the window's pixels.
    window
        Height and width in pixels.
    rates
        Whether a pixel's steps are divided by the number of windows over it.
    """

    ascent: Ascent
    window: tuple[int, int]
    rates: bool = False

    def on(self, image: Tensor, aux_inputs: AuxInputs = NO_AUX_INPUTS) -> WindowedClimb:
        """Begin with one picture, (1, 3, H, W), RGB in gray levels, and those beside it.

        One that is smaller than a window is in its middle, with its own mirror image round it.

        Raises
        ------
        RecipeError
            If there are several.
        """
        if len(image) != 1:
            raise RecipeError(f"windows are for one picture, not {len(image)} at once; leave windows out")
        return WindowedClimb(self, image, aux_inputs)


class WindowedClimb:
    """A picture that grows in windows, each with an optimizer's state of its own."""

    def __init__(self, ascent: WindowedAscent, image: Tensor, aux_inputs: AuxInputs) -> None:
        self._shown = middle_of(ascent.window, image)
        image = mirrored(image, ascent.window)
        aux_inputs = {key: mirrored(picture, ascent.window) for key, picture in aux_inputs.items()}
        height, width = image.shape[-2:]
        sides = windows((height, width), ascent.window)
        self._image = image.detach().clone()
        self._clip = ascent.ascent.clip
        self._count = sum(map(len, sides))
        over = counted((height, width), [*sides[0], *sides[1]]) if ascent.rates else torch.ones(height, width)
        self._rates = (1 / over).to(self._image)
        with torch.inference_mode(False):
            self._sides = [_Side(ascent.ascent, side, self._image, aux_inputs) for side in sides if side]

    def step(self) -> tuple[Tensor, Tensor]:
        """Return the picture after a step on each window, and the mean score of the windows before it."""
        total = widened(0.0, self._image)
        for side in self._sides:
            score, changes = side.step(self._image)
            total = total + score
            for window, change in changes:
                window.of(self._image).add_(change * window.of(self._rates))
            if self._clip:
                self._image.clamp_(0, 255)
        return self._shown.of(self._image).clone(), total / self._count

    def terms(self) -> Mapping[str, float]:
        """See `batcountry.optim.ascent.Advancing`."""
        return self._sides[-1].terms()

    @property
    def look(self) -> Callable[[], None]:
        """See `batcountry.optim.ascent.Advancing`."""
        return self._sides[-1].look

    def close(self) -> None:
        """See `batcountry.optim.ascent.Advancing`."""

    def state(self) -> State:
        """Return what the next step depends on; see `Climb.state`."""
        found = {
            f"{n}.{key}": each for n, side in enumerate(self._sides) for key, each in side.state().items()
        }
        return {"image": self._image, **found}

    def load(self, state: State) -> None:
        """Go on from what `state` returned; see `Climb.load`."""
        self._image.copy_(state["image"].reshape(self._image.shape))
        for number, side in enumerate(self._sides):
            own = f"{number}."
            side.load({key.removeprefix(own): each for key, each in state.items() if key.startswith(own)})


class _Side:
    """The even or the odd windows: a batch of pictures."""

    def __init__(self, ascent: Ascent, side: list[Window], image: Tensor, aux_inputs: AuxInputs) -> None:
        self._windows = side
        self._pixels = Pixels(self._cut(image))
        cut = {key: self._cut(picture) for key, picture in aux_inputs.items()}
        self._climb = Climb(replace(ascent, param=lambda _: self._pixels), self._cut(image), cut)

    def step(self, image: Tensor) -> tuple[Tensor, Iterator[tuple[Window, Tensor]]]:
        """Return the windows' scores together, and each window with what its pixels change by, (1, 3, h, w)."""
        before = self._cut(image)
        self._pixels.put(before)
        after, score = self._climb.step()
        return score, zip(self._windows, torch.split(after - before, 1), strict=True)

    def terms(self) -> Mapping[str, float]:
        """See `Climb.terms`."""
        return self._climb.terms()

    @property
    def look(self) -> Callable[[], None]:
        """See `Climb.look`."""
        return self._climb.look

    def state(self) -> State:
        """Return what the next step depends on; see `Climb.state`."""
        return self._climb.state()

    def load(self, state: State) -> None:
        """Go on from what `state` returned; see `Climb.load`."""
        self._climb.load(state)

    def _cut(self, picture: Tensor) -> Tensor:
        return torch.cat([window.of(picture) for window in self._windows])
