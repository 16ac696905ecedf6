"""The picture held as the phases of its waves, whose magnitudes stay."""

from __future__ import annotations

import torch
from torch import Tensor

from batcountry.errors import RecipeError
from batcountry.optim.param.colors import to_gray_levels, to_latent


class Maco:
    """Waves of fixed magnitude: only where their crests lie is free.

    How strong each wave is stays as in the picture that it is made from, so nothing can grow that
    cannot be in a picture with that spectrum: no noise, no flat saturated patches (Fel and others: "Unlocking
    Feature Visualization for Deeper Networks with MAgnitude Constrained Optimization", 2023). From a
    photograph that is the photograph's spectrum, from the start `pink` that of photographs in general, in both
    in decorrelated colors and before the sigmoid. The mean color stays too.

    A picture that it is made from comes back within a gray level; levels below 0.5 or above 254.5 become those.

    Parameters
    ----------
    image : (N, 3, H, W), RGB in gray levels

    Raises
    ------
    RecipeError
        If a picture is one even color, whose waves have no magnitude.
    """

    def __init__(self, image: Tensor) -> None:
        self._size = (image.shape[-2], image.shape[-1])
        waves = torch.fft.rfft2(to_latent(image.detach()), norm="ortho")
        self._magnitude, self._first = waves.abs(), waves.angle()
        self._check()
        self._rotation = torch.zeros_like(self._first).requires_grad_()

    def put(self, image: Tensor) -> None:
        """Go on from other pictures of the same shape; see `batcountry.optim.param.base.Puttable`."""
        waves = torch.fft.rfft2(to_latent(image.detach()), norm="ortho")
        with torch.no_grad():
            self._magnitude.copy_(waves.abs())
            self._first.copy_(waves.angle())
            self._rotation.zero_()
        self._check()

    def _check(self) -> None:
        rest = self._magnitude.flatten(2)[..., 1:]
        if not (rest > 1e-3).any(-1).any(-1).all():
            raise RecipeError(
                "maco keeps the magnitudes of the waves of the picture it begins with, and an even color has none; "
                "begin with a photograph or the start pink"
            )

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """By how much each wave is moved, (N, 3, H, W // 2 + 1), in radians; see `Param`."""
        return (self._rotation,)

    def image(self) -> Tensor:
        """Return the pictures; see `Param`."""
        phase = self._first + _paired(self._rotation, self._size[1])
        waves = torch.polar(self._magnitude, phase)
        return to_gray_levels(torch.fft.irfft2(waves, s=self._size, norm="ortho"))

    def constrain(self, clip: bool) -> None:
        """Do nothing, as every phase is allowed and colors stay within 0 to 255; see `Param`."""


def _paired(phase: Tensor, width: int) -> Tensor:
    """Return phases of which those of a wave and its mirror image are opposite, as those of real pictures are.

    Both are there in the first column, and in the last one where the width is even.
    """
    both = [0, *([width // 2] if width % 2 == 0 else [])]
    columns = torch.cat([phase[..., each : each + 1] for each in both], -1)
    mirrored = torch.roll(columns.flip(-2), 1, -2)
    paired = (columns - mirrored) / 2
    middle = phase[..., 1 : phase.shape[-1] - (len(both) - 1)]
    return torch.cat([paired[..., :1], middle, paired[..., 1:]], -1)
