"""The picture held as its pixels' colors, in a basis in which they do not go together."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from batcountry.optim.param.colors import color_matrix, inverse_color_matrix

_FAINTEST = (
    0.25  # gray levels from black and from white: such a pixel is still black or white when it is rounded
)
_UNIT = 255 / 4 / 3**0.5  # so that a brightness of 1 is a gray level in the middle of a sigmoid


class Decorrelated:
    """Each pixel's color is free, along axes that are not correlated in photographs, and within what a screen has.

    Brightness, blue to yellow and green to magenta (see `batcountry.optim.param.colors`), each before a sigmoid, so that
    near black and white all changes are small: whites stay clean, blacks deep. One unit of brightness is one gray level
    where a picture is of middle gray.

    A picture that it is made from comes back within a quarter of a gray level.

    Parameters
    ----------
    image : (N, 3, H, W), RGB in gray levels
    """

    def __init__(self, image: Tensor) -> None:
        self._colors = to_decorrelated(image.detach()).requires_grad_()

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The decorrelated colors, (N, 3, H, W); see `Param`."""
        return (self._colors,)

    def put(self, image: Tensor) -> None:
        """Go on from other pictures of the same shape; see `batcountry.optim.param.base.Puttable`."""
        with torch.no_grad():
            self._colors.copy_(to_decorrelated(image.detach()))

    def image(self) -> Tensor:
        """Return the pictures; see `Param`."""
        return _ToImage.apply(self._colors)  # type: ignore[no-untyped-call]

    def constrain(self, clip: bool) -> None:
        """Do nothing, as colors stay within 0 to 255; see `Param`."""


def to_decorrelated(image: Tensor) -> Tensor:
    """Return the decorrelated colors of pictures, (N, 3, H, W), RGB in gray levels.

    Gray levels below 0.25 and above 254.75, which a sigmoid reaches only far out, become those.
    """
    share = image.clamp(_FAINTEST, 255 - _FAINTEST) / 255
    return _mix(inverse_color_matrix(image) * _UNIT, torch.logit(share))


def from_decorrelated(colors: Tensor) -> Tensor:
    """Return pictures, (N, 3, H, W), RGB in gray levels; undoes `to_decorrelated`. Not differentiable."""
    return torch.sigmoid_(_mix(color_matrix(colors) / _UNIT, colors.detach())).mul_(255)


def gradient_on_colors(image: Tensor, gradient: Tensor) -> Tensor:
    """Return the gradient on decorrelated colors of pictures from that on the pictures; all (N, 3, H, W)."""
    steepness = (255 - image).mul_(image).div_(255)  # a sigmoid's, of gray levels
    return _mix(color_matrix(image).T / _UNIT, steepness.mul_(gradient))


class _ToImage(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, colors: Tensor) -> Tensor:
        image = from_decorrelated(colors)
        ctx.save_for_backward(image)
        return image

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (image,) = ctx.saved_tensors
        return gradient_on_colors(image, gradient)


def _mix(matrix: Tensor, planes: Tensor) -> Tensor:
    return (matrix @ planes.flatten(2)).reshape(planes.shape)
