"""The picture held as its waves."""

from __future__ import annotations

import torch
from torch import Tensor

from batcountry.image.statistics import natural_amplitudes
from batcountry.optim.param.colors import to_gray_levels, to_latent

_QUIET = 4.0  # lucid's; so that a noise of one in every wave is a picture of moderate contrast
_PIVOT = 1 / 25  # waves per pixel that any fall moves alike


class Waves:
    """Planes of any numbers, (N, C, H, W), as waves whose amplitudes are multiples of a natural one; see `Fourier`."""

    def __init__(self, planes: Tensor, fall: float = 1.0) -> None:
        self._size = (planes.shape[-2], planes.shape[-1])
        natural = natural_amplitudes(self._size, planes)
        self._scale = natural * (natural * _PIVOT) ** (fall - 1) / _QUIET
        self._waves = self._of(planes).clone().requires_grad_()

    def _of(self, planes: Tensor) -> Tensor:
        return torch.view_as_real(torch.fft.rfft2(planes, norm="ortho") / self._scale)

    def put(self, planes: Tensor) -> None:
        """Go on from other planes of the same shape."""
        with torch.no_grad():
            self._waves.copy_(self._of(planes))

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The waves, (N, C, H, W // 2 + 1, 2), real and imaginary."""
        return (self._waves,)

    def planes(self) -> Tensor:
        """Return the planes, differentiable in `tensors`."""
        waves = torch.view_as_complex(self._waves) * self._scale
        return torch.fft.irfft2(waves, s=self._size, norm="ortho")


class Fourier:
    """Waves in decorrelated colors, long ones moved further than short ones.

    In photographs the amplitude of waves falls with their frequency f, about as 1/f. Each number here
    is an amplitude as a multiple of that, so steps of one size change all waves in proportion: structure
    grows at all sizes at once, where free pixels grow noise first (Olah, Mordvintsev, Schubert: "Feature
    Visualization", 2017; the transform is orthonormal, as lucid's).

    A picture that it is made from comes back within a gray level; levels below 0.5 or above
    254.5 become those. It goes round its edges: what a wave adds at the left it adds at the right.

    Parameters
    ----------
    image : (N, 3, H, W), RGB in gray levels
    fall
        The power of 1/f that amplitudes are multiples of. With more than 1 waves shorter than 25 pixels move less,
        and longer ones further, so that shapes grow before textures.
    """

    def __init__(self, image: Tensor, fall: float = 1.0) -> None:
        self._waves = Waves(to_latent(image.detach()), fall)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The waves, (N, 3, H, W // 2 + 1, 2), real and imaginary; see `Param`."""
        return self._waves.tensors

    def put(self, image: Tensor) -> None:
        """Go on from other pictures of the same shape; see `batcountry.optim.param.base.Puttable`."""
        self._waves.put(to_latent(image.detach()))

    def image(self) -> Tensor:
        """Return the pictures; see `Param`."""
        return to_gray_levels(self._waves.planes())

    def constrain(self, clip: bool) -> None:
        """Do nothing, as every wave is allowed and colors stay within 0 to 255; see `Param`."""


def soft_fourier(image: Tensor) -> Fourier:
    """Return pictures as waves whose amplitudes are multiples of f to the power of -1.5; see `Fourier`."""
    return Fourier(image, fall=1.5)
