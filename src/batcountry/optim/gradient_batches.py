"""Gradients on more pictures than go at once."""

from __future__ import annotations

import torch
from torch import Tensor

from batcountry.backend.devices import widened
from batcountry.optim.aux_inputs import NO_AUX_INPUTS, AuxInputs
from batcountry.optim.gradient import Gradient


def in_batches(gradient: Gradient, most: int) -> Gradient:
    """Return the function that gives a gradient on any number of pictures, no more than `most` of them at once."""

    def batched(image: Tensor, aux_inputs: AuxInputs = NO_AUX_INPUTS) -> tuple[Tensor, Tensor]:
        total, parts = widened(0.0, image), []
        for first in range(0, len(image), most):
            batch = slice(first, first + most)
            shown = {
                key: picture[batch] if len(picture) == len(image) else picture
                for key, picture in aux_inputs.items()
            }
            score, part = gradient(image[batch], shown)
            total = total + score
            parts.append(part)
        return total, parts[0] if len(parts) == 1 else torch.cat(parts)

    return batched
