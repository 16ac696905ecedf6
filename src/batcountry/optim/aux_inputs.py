"""Pictures beside the one that is dreamed on, of its size, which go through the same transforms.

Objectives read them by name: the picture that the dream began with, others to compare with, and masks.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.memory_room import allowed_memory
from batcountry.objectives.base import START, Objective
from batcountry.objectives.masks import masks_of
from batcountry.objectives.references import ReadPlanes, references_of

AuxInputs = Mapping[str, Tensor]
"""Pictures by name, (1 or N, C, H, W)."""

NO_AUX_INPUTS: AuxInputs = {}


class Pictures:
    """The pictures that an objective, and a recipe's mask, read beside the image.

    Parameters
    ----------
    objective
        What is dreamed with; its masks and pictures are opened here.
    more
        What reads further pictures, (1, C, H, W), by name.
    longest
        Pixels of the longer side of the pictures that are dreamed on, if that is known: files with far more are read smaller.

    Raises
    ------
    PictureError
        If one of them cannot be read.
    """

    def __init__(
        self,
        objective: Objective,
        more: Mapping[str, ReadPlanes] | None = None,
        longest: int | None = None,
    ) -> None:
        self._wants_start = START in objective.aux_inputs
        readers = {**masks_of(objective), **references_of(objective), **(more or {})}
        self._whole = {key: read(longest) for key, read in readers.items()}

    def at(self, start: Tensor) -> dict[str, Tensor]:
        """Return them at the size of (N, C, H, W), which is the picture that an octave begins with."""
        pictures = {key: resized(picture, start) for key, picture in self._whole.items()}
        return {START: start, **pictures} if self._wants_start else pictures


class PicturesBeside:
    """Reads the pictures beside those that are dreamed on, once for all dreams that are as long.

    Parameters
    ----------
    objective, more
        See `Pictures`.
    max_memory
        What the process may have in all, such as `2GB`.
    """

    def __init__(self, objective: Objective, more: Mapping[str, ReadPlanes], max_memory: str | None) -> None:
        self._objective, self._more, self._max_memory = objective, more, max_memory
        self._known: tuple[int, Pictures] | None = None

    def at(self, longest: int) -> Pictures:
        """Return them for dreams whose longer side has so many pixels; raises as `Pictures`."""
        known = self._known
        if known is None or known[0] != longest:
            with allowed_memory(self._max_memory):
                known = longest, Pictures(self._objective, self._more, longest)
            self._known = known
        return known[1]


def resized(picture: Tensor, like: Tensor) -> Tensor:
    """Return (N, C, H, W) at another's height and width, device and type, with antialiasing."""
    picture = picture.to(like)
    size = like.shape[-2:]
    if picture.shape[-2:] == size:
        return picture
    return F.interpolate(picture, size, mode="bilinear", antialias=True)


def stacked(image: Tensor, aux_inputs: AuxInputs) -> Tensor:
    """Return image and pictures beside it as one, (N, C + …, H, W), for transforms that move all alike."""
    if not aux_inputs:
        return image
    return torch.cat(
        [image, *(picture.expand(image.shape[0], -1, -1, -1) for picture in aux_inputs.values())], 1
    )


def unstacked(stack: Tensor, aux_inputs: AuxInputs) -> tuple[Tensor, dict[str, Tensor]]:
    """Return what `stacked` put together: the image's channels, and the others by name, without gradient."""
    if not aux_inputs:
        return stack, {}
    channels = [picture.shape[1] for picture in aux_inputs.values()]
    parts = torch.split(stack, [stack.shape[1] - sum(channels), *channels], 1)
    return parts[0], {key: part.detach() for key, part in zip(aux_inputs, parts[1:], strict=True)}
