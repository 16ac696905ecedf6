"""Noise that looks like photographs to a network, but shows nothing."""

from __future__ import annotations

import torch
from torch import Tensor

from batcountry.optim.param.colors import natural
from batcountry.optim.param.fourier import natural_amplitudes


def natural_noise(white: Tensor, contrast: float = 1.0) -> Tensor:
    """Return white noise, (N, 3, H, W), as pictures with the spectrum and colours of photographs, RGB in grey levels.

    Amplitudes fall with the frequency as 1/f (Field, 1987), in decorrelated colours with the spread that those of
    ImageNet have (see `batcountry.optim.param.colors`).

    Parameters
    ----------
    contrast
        As a multiple of a photograph's.
    """
    size = (white.shape[-2], white.shape[-1])
    waves = torch.fft.rfft2(white) * natural_amplitudes(size, white)
    waves[..., 0, 0] = 0
    planes = torch.fft.irfft2(waves, s=size)
    spread = planes.std((-2, -1), keepdim=True, correction=0).clamp(min=1e-12)
    return natural(planes / spread * contrast)
