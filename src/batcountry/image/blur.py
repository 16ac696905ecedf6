"""Gaussian blur of pictures as tensors."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry.backend.determinism import adds_in_order
from batcountry.image.sampling import Edge, extended


def gaussian_blur(
    images: Tensor, sigma: float, *, truncate: float, edge: Edge, dtype: torch.dtype | None = None
) -> Tensor:
    """Return pictures, (N, C, H, W), convolved with a Gaussian; differentiable.

    Parameters
    ----------
    sigma
        Standard deviation in pixels, more than 0.
    truncate
        The Gaussian is cut off at so many standard deviations; mirrored, not farther out than the picture reaches.
    edge
        How the pictures go on beyond their edges.
    dtype
        In which the weights are worked out; that of the pictures, if not given.
    """
    reach = math.ceil(truncate * sigma)
    if edge == "reflect":
        reach = min(reach, *(side - 1 for side in images.shape[-2:]))
    weights = gaussian_weights(sigma, reach, dtype or images.dtype, images.device)
    return convolved(images, weights.to(images.dtype), edge)


def gaussian_weights(
    sigma: float, reach: int, dtype: torch.dtype, device: torch.device | None = None
) -> Tensor:
    """Return a Gaussian's weights at whole pixels, `reach` to either side of its middle; their sum is 1."""
    offsets = torch.arange(-reach, reach + 1, dtype=dtype, device=device)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    return weights / weights.sum()


def convolved(images: Tensor, weights: Tensor, edge: Edge) -> Tensor:
    """Return pictures, (N, C, H, W), convolved along either axis with weights whose number is odd; differentiable."""
    planes = images.reshape(-1, 1, *images.shape[-2:])
    reach = len(weights) // 2
    if adds_in_order(images.device):
        planes = F.pad(planes, (reach,) * 4, mode=edge)
    else:
        planes = extended(extended(planes, -2, reach, edge), -1, reach, edge)
    rows = F.conv2d(planes, weights.reshape(1, 1, 1, -1))
    return F.conv2d(rows, weights.reshape(1, 1, -1, 1)).reshape(images.shape)
