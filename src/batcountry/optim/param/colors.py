"""Colours in which those of photographs do not go together, and the way from there to grey levels.

In photographs red, green and blue rise and fall together. An optimizer that moves them one by one
therefore mostly makes colours that photographs lack; in the basis here each axis is free to move alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

MIX = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""Square root of the covariance of red, green and blue (rows), as shares of 255, over ImageNet.

The columns are brightness, blue to yellow and green to magenta (lucid's `color_correlation_svd_sqrt`; Olah,
Mordvintsev, Schubert: "Feature Visualization", 2017).
"""

MEAN = (0.48, 0.46, 0.41)
"""Of red, green and blue over ImageNet, as shares of 255 (lucid's `color_mean`)."""

_LONGEST = max(sum(row[column] ** 2 for row in MIX) ** 0.5 for column in range(3))
_FAINTEST = 0.5 / 255


def to_grey_levels(latent: Tensor) -> Tensor:
    """Return pictures, (N, 3, H, W), RGB in grey levels, from decorrelated colours of that shape.

    Any number stands for a colour that there is, as a sigmoid brings it between 0 and 255. The brightness of a
    latent of 1 is one sigmoid unit.
    """
    return 255 * torch.sigmoid(_mixed(color_matrix(latent), latent))


def to_latent(image: Tensor) -> Tensor:
    """Return the decorrelated colours of pictures, (N, 3, H, W), RGB in grey levels; undoes `to_grey_levels`.

    Grey levels below 0.5 and above 254.5, which a sigmoid reaches only far out, become those.
    """
    share = (image / 255).clamp(_FAINTEST, 1 - _FAINTEST)
    return _mixed(torch.linalg.inv(color_matrix(image)), torch.logit(share))


def natural(planes: Tensor) -> Tensor:
    """Return pictures, (N, 3, H, W), RGB in grey levels, from decorrelated planes as photographs have them.

    The planes have mean 0 and, for a photograph's contrast, a standard deviation of 1; the pictures have the
    mean and, as long as that is not too large for a sigmoid, the covariance of ImageNet's.
    """
    mean = torch.logit(torch.tensor(MEAN).to(planes)).reshape(1, 3, 1, 1)
    slope = 4.0  # a sigmoid's is 1/4 in the middle
    return 255 * torch.sigmoid(mean + slope * _mixed(torch.tensor(MIX).to(planes), planes))


def color_matrix(like: Tensor) -> Tensor:
    """Return `MIX`, 3×3, so that a brightness of 1 has length 1, on the device and in the type of a tensor."""
    return torch.tensor(MIX, dtype=like.dtype, device=like.device) / _LONGEST


def _mixed(matrix: Tensor, planes: Tensor) -> Tensor:
    return torch.einsum("ij,njhw->nihw", matrix, planes)
