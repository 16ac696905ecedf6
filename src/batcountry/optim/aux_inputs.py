"""Pictures beside the one that is dreamed on, of its size, which go through the same transforms.

Objectives read them by name: the picture that the dream began with, others to compare with, and masks.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.objectives.base import START, Objective
from batcountry.objectives.masks import masks_of
from batcountry.objectives.references import references_of

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
        Further pictures by name, (1, C, H, W).

    Raises
    ------
    PictureError
        If one of them cannot be read.
    """

    def __init__(self, objective: Objective, more: Mapping[str, Tensor] | None = None) -> None:
        self._wants_start = START in objective.aux_inputs
        read = masks_of(objective) | references_of(objective)
        self._whole = {key: opened() for key, opened in read.items()} | dict(more or {})

    def at(self, start: Tensor) -> dict[str, Tensor]:
        """Return them at the size of (N, C, H, W), which is the picture that an octave begins with."""
        pictures = {key: resized(picture, start) for key, picture in self._whole.items()}
        return {START: start, **pictures} if self._wants_start else pictures


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
