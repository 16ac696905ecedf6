"""What photographs have in common: the mean and the covariance of their colors, and how their waves fall off."""

from __future__ import annotations

import torch
from torch import Tensor

from batcountry.backend.constants import constant

MIX = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""Square root of the covariance of red, green and blue (rows), as shares of 255, over ImageNet.

The columns are brightness, blue to yellow and green to magenta (lucid's `color_correlation_svd_sqrt`; Olah,
Mordvintsev, Schubert: "Feature Visualization", 2017).
"""

MEAN = (0.48, 0.46, 0.41)
"""Of red, green and blue over ImageNet, as shares of 255 (lucid's `color_mean`)."""


def natural_noise(white: Tensor, contrast: float = 1.0) -> Tensor:
    """Return white noise, (N, 3, H, W), as pictures with the spectrum and colors of photographs, RGB in gray levels.

    Amplitudes fall with the frequency as 1/f (Field, 1987), in decorrelated colors with the spread that those of
    ImageNet have (see `MIX`).

    Parameters
    ----------
    contrast
        As a multiple of a photograph's.
    """
    size = (white.shape[-2], white.shape[-1])
    waves = torch.fft.rfft2(white) * natural_amplitudes(size, white)
    waves[..., 0, 0] = 0
    planes = torch.fft.irfft2(waves, s=size)
    std = planes.std((-2, -1), keepdim=True, correction=0).clamp(min=1e-12)
    return natural(planes / std * contrast)


def natural(planes: Tensor) -> Tensor:
    """Return pictures, (N, 3, H, W), RGB in gray levels, from decorrelated planes as photographs have them.

    The planes have mean 0 and, for a photograph's contrast, a standard deviation of 1; the pictures have the
    mean and, as long as that is not too large for a sigmoid, the covariance of ImageNet's.
    """
    mean = torch.logit(constant(MEAN, planes.device).to(planes.dtype)).reshape(1, 3, 1, 1)
    steepness = 4.0  # a sigmoid's is 1/4 in the middle
    return 255 * torch.sigmoid(
        mean + steepness * mixed(constant(MIX, planes.device).to(planes.dtype), planes)
    )


def frequencies(size: tuple[int, int], like: Tensor) -> Tensor:
    """Return the frequency of each wave of pictures of (height, width), in waves per pixel: (H, W // 2 + 1)."""
    height, width = size
    down = torch.fft.fftfreq(height, dtype=like.dtype, device=like.device)
    across = torch.fft.rfftfreq(width, dtype=like.dtype, device=like.device)
    return torch.hypot(down[:, None], across[None])


def natural_amplitudes(size: tuple[int, int], like: Tensor) -> Tensor:
    """Return 1/f for each wave of pictures of (height, width): (H, W // 2 + 1).

    That of the mean, whose f is 0, is that of the longest wave (Field, 1987: amplitudes of natural images fall as 1/f).
    """
    return 1 / frequencies(size, like).clamp(min=1 / max(size))


def mixed(matrix: Tensor, planes: Tensor) -> Tensor:
    """Return planes, (N, 3, H, W), mixed by a 3×3 matrix."""
    return torch.einsum("ij,njhw->nihw", matrix, planes)
