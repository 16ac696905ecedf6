"""The endless zoom: each frame is the one before, seen a little closer and dreamed on again."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from batcountry.backend.allocator import kept_memory
from batcountry.backend.threads import with_threads
from batcountry.backend.transfers import send
from batcountry.dreams.prepare import Prepared
from batcountry.image.picture import Picture
from batcountry.image.sizes import scaled_to
from batcountry.motion.camera import Matrix, footprint, looked_at, view
from batcountry.motion.color_anchor import Tone, apply_anchor
from batcountry.motion.form import Form, State
from batcountry.motion.frame import Dreamt, Frame, arrived, tensor
from batcountry.motion.frame_dreamer import FrameDreamer
from batcountry.motion.keyframes import smooth
from batcountry.motion.recipes import ZoomRecipe

_FEATHER = 0.08  # of the width, over which the returning beginning fades into what is around it
_SMALLEST, _LARGEST = 1 / 12, 2.0  # size of the beginning, beside the frame, when it comes back into view


class Zoom:
    """A zoom that is ready to run.

    Parameters
    ----------
    picture
        What to begin with.
    recipe
        How to zoom and dream.
    asked
        The recipe's dream as it is asked for, with an opened `Model`, an `Objective`, a guide picture.
    """

    def __init__(self, picture: Picture, recipe: ZoomRecipe, asked: Prepared) -> None:
        size = scaled_to(picture.size, recipe.dream.size, recipe.dream.enlarge)
        asked.policy.check_pixels(size, "a frame")
        self.picture = _even(_sized(picture, recipe))
        width, height = self.picture.size
        self.size = (height, width)
        self.dreamer = FrameDreamer(recipe, asked, self.size)
        self.recipe: ZoomRecipe = self.dreamer.motion  # type: ignore[assignment]
        self.dreamer.check_work(self.recipe.count, self.seconds(self.recipe.count))

    def seconds(self, count: int) -> float:
        """Return how long so many frames are expected to take."""
        return self.dreamer.plan.seconds + self.dreamer.frame_seconds * max(0, count - 1)

    def frames(self, begin: int = 0, state: State | None = None) -> Iterator[Frame]:
        """Yield the frames from number `begin` on, which the state after the one before leads to."""
        return arrived(self.dreamt(begin, state), self.dreamer.device)

    def dreamt(self, begin: int = 0, state: State | None = None) -> Generator[Dreamt]:
        """Yield the frames as `frames` does, where they are dreamed and maybe still in the making."""
        return with_threads(self._kept(begin, state))

    def _kept(self, begin: int, state: State | None) -> Generator[Dreamt]:
        with kept_memory():  # each frame's tensors are as large as the last one's
            yield from self._dreamt(begin, state)

    @property
    def state_forms(self) -> dict[str, Form]:
        """What the arrays are that the next frame depends on."""
        return dict.fromkeys(("image", "first"), Form(np.float32, (*self.size, 3)))

    def _dreamt(self, begin: int, state: State | None) -> Generator[Dreamt]:
        recipe, rate = self.recipe, self.recipe.rate
        image = tensor(self.picture.pixels, self.dreamer.device)
        first, wanted = image, Tone.of(image)
        if state:
            image, first = (tensor(state[each], self.dreamer.device) for each in ("image", "first"))
            wanted = Tone.of(first)
        for index in range(begin, recipe.count):
            if index == 0:
                image = first = self._dreamed(image, 0).clamp(0, 255)
                wanted = Tone.of(first)
            else:
                image = self._dreamed(looked_at(image, self._view(index)), index)
                image = apply_anchor(image, wanted, hold=recipe.anchor).clamp(0, 255)
                image = self._led_back(image, first, index)
            yield Dreamt(
                index,
                recipe.count,
                index,
                1,
                1 / rate,
                image,
                state={"image": image, "first": first},
                look=self.dreamer.looking(),
            )

    def _dreamed(self, image: Tensor, index: int) -> Tensor:
        time = float(index / self.recipe.rate)
        opacity = self.recipe.numbers("opacity", index, time)
        if opacity <= 0:
            return image
        dreamed = self.dreamer.dream(image, image, frame=index, time=time, whole=index == 0)
        return dreamed if opacity >= 1 else torch.lerp(image, dreamed, opacity)

    def _view(self, index: int) -> Matrix:
        """Return what leads from a frame's pixels to those of the one before."""
        time = float(index / self.recipe.rate)
        values = {
            each: self.recipe.numbers(each, index, time) for each in ("zoom", "rotate", "pan_x", "pan_y")
        }
        return view(**values, width=self.size[1])

    @cached_property
    def _return(self) -> list[Matrix]:
        """For the frames at the end, the last one first: what leads to the pixels of the beginning, seen from there."""
        if not self.recipe.loop:
            return []
        found: list[Matrix] = []
        forward: Matrix = np.eye(3)
        for index in range(self.recipe.count, self.recipe.count // 2, -1):
            forward = self._view(index) @ forward
            if found and not _SMALLEST <= float(np.linalg.norm(forward[:2, 0])) <= _LARGEST:
                break
            found.append(np.asarray(np.linalg.inv(forward), np.float64))
        return found

    def _led_back(self, image: Tensor, first: Tensor, index: int) -> Tensor:
        """Return a frame near the end with the beginning in it, as small as it is from there."""
        to_end = self.recipe.count - index
        if to_end > len(self._return):
            return image
        matrix = self._return[to_end - 1]
        third = max(1.0, len(self._return) / 3)
        shown = smooth(min(1.0, (len(self._return) - to_end + 1) / third))
        # At the very end the beginning fills the frame, so its edges must not be soft any more.
        cover = footprint(matrix, self.size, max(1e-3, _FEATHER * min(1.0, (to_end - 1) / third)))
        weight = send(np.float32(cover * shown), image.device).tensor()
        return torch.lerp(image, looked_at(first, matrix).clamp(0, 255), weight[None, None])


def _sized(picture: Picture, recipe: ZoomRecipe) -> Picture:
    dream = recipe.dream
    picture = picture.fitted(dream.size) if dream.size else picture
    return picture.enlarged(dream.enlarge) if dream.enlarge else picture


def _even(picture: Picture) -> Picture:
    """Return the picture without its last row or column where their number is odd, which videos do not take."""
    width, height = picture.size
    return picture.with_pixels(
        np.ascontiguousarray(picture.pixels[: max(2, height // 2 * 2), : max(2, width // 2 * 2)])
    )
