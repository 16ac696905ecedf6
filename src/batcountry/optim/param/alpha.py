"""The picture held as its colors and its opacity."""

from __future__ import annotations

import torch
from torch import Tensor

from batcountry.optim.param.base import MakeParam, Param, Puttable
from batcountry.optim.param.decorrelated import Decorrelated
from batcountry.optim.param.fourier import Waves
from batcountry.optim.param.pixels import Pixels

_COLORS = 3
_FAINTEST = 0.5 / 255


class OpacityWaves:
    """Opacity as waves before a sigmoid, so that it grows in patches.

    Parameters
    ----------
    opacity : (N, 1, H, W), 0 to 255
    """

    def __init__(self, opacity: Tensor) -> None:
        self._waves = Waves(_logit(opacity), fall=1.5)

    def put(self, opacity: Tensor) -> None:
        """Go on from another opacity of the same shape; see `batcountry.optim.param.base.Puttable`."""
        self._waves.put(_logit(opacity))

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The waves; see `Waves`."""
        return self._waves.tensors

    def image(self) -> Tensor:
        """Return the opacity, (N, 1, H, W), 0 to 255."""
        return 255 * torch.sigmoid(self._waves.planes())

    def constrain(self, clip: bool) -> None:
        """Do nothing, as every wave is allowed; see `Param`."""


def _logit(opacity: Tensor) -> Tensor:
    return torch.logit((opacity.detach() / 255).clamp(_FAINTEST, 1 - _FAINTEST))


class AlphaParam:
    """Colors held by one parametrization, and opacity by another.

    Parameters
    ----------
    image : (N, 4, H, W), RGB in gray levels and opacity, 0 to 255
    colors, opacity
        Make what holds either.
    """

    def __init__(self, image: Tensor, colors: MakeParam, opacity: MakeParam) -> None:
        self._colors: Param = colors(image[:, :_COLORS])
        self._opacity: Param = opacity(image[:, _COLORS:].clamp(0, 255))

    def put(self, image: Tensor) -> None:
        """Go on from other pictures of the same shape; see `batcountry.optim.param.base.Puttable`."""
        for param, planes in (
            (self._colors, image[:, :_COLORS]),
            (self._opacity, image[:, _COLORS:].clamp(0, 255)),
        ):
            assert isinstance(param, Puttable)
            param.put(planes)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Those of the colors, then those of the opacity; see `Param`."""
        return (*self._colors.tensors, *self._opacity.tensors)

    def image(self) -> Tensor:
        """Return the pictures, (N, 4, H, W); see `Param`."""
        return torch.cat([self._colors.image(), self._opacity.image()], 1)

    def constrain(self, clip: bool) -> None:
        """Keep the opacity within 0 to 255 always, colors with `clip`; see `Param`."""
        self._colors.constrain(clip)
        self._opacity.constrain(True)


def with_alpha(colors: MakeParam) -> MakeParam:
    """Return what holds colors in one way, and opacity in the way that goes with it: pixel by pixel, or as waves."""
    opacity: MakeParam = Pixels if colors in (Decorrelated, Pixels) else OpacityWaves
    return lambda image: AlphaParam(image, colors, opacity)
