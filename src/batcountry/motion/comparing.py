"""Frames of a video compared with the one before, and made ready on the device that dreams, whenever there is time for it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from batcountry.backend.transfers import Sent, send
from batcountry.motion.flow import Flow, Movement, carried_on, estimate_motion, is_still
from batcountry.motion.frame import array, tensor
from batcountry.motion.guide_video import NO_CONDITIONING, FrameConditioning
from batcountry.motion.io.clip import Shot

Shown = tuple[Shot, FrameConditioning]
"""A frame with the pictures that go along with it."""


@dataclass(frozen=True)
class Seen:
    """A frame that is read and compared.

    Attributes
    ----------
    shot, conditioning
        The frame with what goes along with it.
    movement
        How it came of the one before; None if it is the same picture, is the first one, or nothing is carried on.
    """

    shot: Shot
    conditioning: FrameConditioning
    movement: Movement | None
    _pixels: Sent = field(repr=False)
    _fields: tuple[Sent, Sent] | None = field(repr=False)

    def image(self) -> Tensor:
        """Return the frame on the device, (1, 3, H, W), RGB in gray levels."""
        levels = self._pixels.tensor()
        if levels.ndim == 4:
            return levels
        return levels.permute(2, 0, 1)[None].float().contiguous()

    def moved(self, dream: Tensor, image: Tensor, shot: Shot) -> Tensor:
        """Return what the dream on the frame before has that the frame does not, moved to where things are in this one.

        Parameters
        ----------
        dream, image, shot
            The frame before: its dream, and itself on the device and off it.
        """
        assert self.movement is not None
        if self._fields is None:
            return tensor(self.movement.carried(array(dream) - shot.pixels()), image.device)
        back, seen = (each.tensor() for each in self._fields)
        return carried_on(dream - image, back, seen)


class Comparing:
    """Compares frames, each with the one before; several threads may at once, if `flow` may.

    Parameters
    ----------
    device
        Where the frames are dreamed on.
    flow
        Finds how things move; None if nothing is carried on.
    alone
        Whether each frame is dreamed on by itself although it is the same picture.
    """

    def __init__(self, device: torch.device, flow: Flow | None, *, alone: bool) -> None:
        self._device, self._flow, self._alone = device, flow, alone

    def __call__(self, pair: tuple[Shown | None, Shown]) -> Seen:
        """Compare one frame with the one before, which is None for the first."""
        before, (shot, conditioning) = pair
        movement = None if before is None else self._movement(before[0], shot, conditioning)
        if self._device.type == "cpu":
            return Seen(shot, conditioning, movement, Sent(tensor(shot.pixels(), self._device)), None)
        whole = shot.levels.dtype == np.uint8
        pixels = send(shot.levels, self._device) if whole else send(shot.pixels(), self._device)
        fields = None
        if movement is not None and not movement.cut:
            fields = send(movement.back, self._device), send(movement.seen, self._device)
        return Seen(shot, conditioning, movement, pixels, fields)

    def _movement(self, before: Shot, shot: Shot, conditioning: FrameConditioning) -> Movement | None:
        if self._flow is None:
            return None
        if is_still(before.levels, shot.levels) and not self._alone and conditioning == NO_CONDITIONING:
            return None
        return estimate_motion(before.eight(), shot.eight(), self._flow)


def pairs(frames: Iterator[Shown]) -> Generator[tuple[Shown | None, Shown]]:
    """Yield each frame with the one before."""
    before = None
    try:
        for frame in frames:
            yield before, frame
            before = frame
    finally:
        if isinstance(frames, Generator):
            frames.close()
