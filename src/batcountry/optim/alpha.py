"""Pictures with an opacity of their own: what the network does not need fades away.

After lucid's alpha (Mordvintsev, Pezzotti, Schubert, Olah: "Differentiable Image Parameterizations", 2018): in each
step the picture is laid over another random ground before the network sees it, so what it shows must stand out
from any, and where the picture does not matter, its opacity falls.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from batcountry.image.periodic import Wrap, seamless
from batcountry.image.picture import Picture
from batcountry.image.statistics import natural_noise
from batcountry.objectives.base import IMAGE, OPACITY, Activations, Scorer
from batcountry.optim.transforms import Dice, Transform
from batcountry.recipe import Recipe

COLORS = 3
"""Channels of color, which come before the opacity."""

VEIL_BYTES = 160
"""Memory for each pixel beyond that of an opaque picture; measured, of which most is the ground while it is drawn."""

_HALF = 128.0  # neither opaque nor transparent, so that it can become both


def laid_over(image: Tensor, ground: Tensor) -> Tensor:
    """Return pictures, (N, 4, H, W), RGB and opacity in 0 to 255, laid over others, (1 or N, 3, H, W)."""
    opacity = image[:, COLORS:] / 255
    return ground + opacity * (image[:, :COLORS] - ground)


def over_noise(stack: Tensor, rng: Dice) -> Tensor:
    """Lay pictures over natural noise, which is drawn anew in every step and is the same for all of them.

    The transform from (N, 4 + …, H, W), RGB, opacity and the pictures beside, to (N, 3 + …, H, W).
    """
    random = torch.Generator().manual_seed(int(rng.randint(0, 2**31 - 1, 1)[0]))
    white = torch.randn(1, COLORS, *stack.shape[-2:], generator=random)
    seen = laid_over(stack[:, : COLORS + 1], natural_noise(white.to(stack)))
    return torch.cat([seen, stack[:, COLORS + 1 :]], 1)


def fading(share: float) -> Transform:
    """Return the transform that leaves pictures as they are, and takes from the gradient of their opacity.

    Parameters
    ----------
    share
        How much is taken at each pixel, as a multiple of that gradient's mean over the picture: what helps the
        objective less than so many times as much as the mean pixel fades, whatever the objective's scale. Nothing
        is taken where more opacity would help nothing on the whole.
    """

    def faded(stack: Tensor, _: Dice) -> Tensor:
        return _Faded.apply(stack, share)  # type: ignore[no-untyped-call]

    return faded


class _Faded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, stack: Tensor, share: float) -> Tensor:
        ctx.share = share
        return stack.view_as(stack)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Any:
        found = slope.clone()
        opacity = found[:, COLORS : COLORS + 1]
        opacity -= ctx.share * opacity.mean((1, 2, 3), keepdim=True).clamp(min=0)
        return found, None


def of_colors(prior: Scorer) -> Scorer:
    """Return the scorer of pictures' colors and opacity, (N, 4, H, W), from that of the image itself."""

    def score(activations: Activations) -> Tensor:
        image = activations[IMAGE]
        return prior({**activations, IMAGE: image[:, :COLORS], OPACITY: image[:, COLORS:] / 255})

    return score


def begun(picture: Picture, wrap: Wrap, *, made: bool) -> Picture:
    """Return a picture with the opacity that it begins with: its alpha, or if it has none an even one.

    Parameters
    ----------
    wrap
        Axes along which its opposite edges are to fit.
    made
        Whether the picture is a start that was made, and no one's.
    """
    if picture.alpha is None:
        even = torch.full(picture.pixels.shape[:2], _HALF if made else 255.0)
        return with_opacity(picture, even)
    return with_opacity(
        picture, torch.from_numpy(seamless(np.float32(picture.alpha)[..., None], wrap))[..., 0]
    )


def planes_of(picture: Picture, recipe: Recipe) -> Tensor:
    """Return a picture, (1, C, H, W), in gray levels, with a plane more for its opacity if it is to grow, too."""
    pixels = torch.from_numpy(picture.pixels)
    if recipe.alpha and picture.alpha is not None:
        pixels = torch.cat([pixels, torch.from_numpy(picture.alpha)[..., None].to(pixels)], 2)
    return pixels.permute(2, 0, 1)[None]


def with_opacity(picture: Picture, opacity: Tensor) -> Picture:
    """Return a picture with another alpha, (H, W), 0 to 255."""
    return replace(picture, alpha=opacity.detach().clamp(0, 255).round().to(torch.uint8).cpu().numpy())
