"""Colors in which those of photographs do not go together, and the way from there to gray levels.

In photographs red, green and blue rise and fall together. An optimizer that moves them one by one
therefore mostly makes colors that photographs lack; in the basis here each axis is free to move alone.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from batcountry.backend.constants import constant
from batcountry.image.statistics import MIX, mixed

_LONGEST = max(sum(row[column] ** 2 for row in MIX) ** 0.5 for column in range(3))
_FAINTEST = 0.5 / 255


def to_gray_levels(latent: Tensor) -> Tensor:
    """Return pictures, (N, 3, H, W), RGB in gray levels, from decorrelated colors of that shape.

    Any number stands for a color that there is, as a sigmoid brings it between 0 and 255. The brightness of a
    latent of 1 is one sigmoid unit.
    """
    return 255 * torch.sigmoid(mixed(color_matrix(latent), latent))


def to_latent(image: Tensor) -> Tensor:
    """Return the decorrelated colors of pictures, (N, 3, H, W), RGB in gray levels; undoes `to_gray_levels`.

    Gray levels below 0.5 and above 254.5, which a sigmoid reaches only far out, become those.
    """
    share = (image / 255).clamp(_FAINTEST, 1 - _FAINTEST)
    return mixed(inverse_color_matrix(image), torch.logit(share))


def color_matrix(like: Tensor) -> Tensor:
    """Return `MIX`, 3×3, so that a brightness of 1 has length 1, on the device and in the type of a tensor."""
    return constant(MIX, like.device, like.dtype) / _LONGEST


def inverse_color_matrix(like: Tensor) -> Tensor:
    """Return the inverse of `color_matrix`, on the device and in the type of a tensor; it is not to be written to."""
    return _inverse(like.dtype, like.device)


@lru_cache(maxsize=16)
def _inverse(dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.linalg.inv(color_matrix(torch.empty(0, dtype=dtype))).to(device)
