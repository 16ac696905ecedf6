"""The picture held as its pixels."""

from __future__ import annotations

import torch
from torch import Tensor


class Pixels:
    """Each color value of each pixel is free: what the programs of 2015 did.

    Parameters
    ----------
    image : (N, 3, H, W), RGB in gray levels
    """

    def __init__(self, image: Tensor) -> None:
        self._image = image.detach().clone().requires_grad_()

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """See `Param`."""
        return (self._image,)

    def put(self, image: Tensor) -> None:
        """Go on from other pictures of the same shape, (N, 3, H, W)."""
        with torch.no_grad():
            self._image.copy_(image)

    def image(self) -> Tensor:
        """Return the pictures; see `Param`."""
        return self._image

    def constrain(self, clip: bool) -> None:
        """See `Param`."""
        if clip:
            with torch.no_grad():
                self._image.clamp_(0, 255)
