"""Pictures with an opacity of their own: what the network does not need fades away.

After lucid's alpha (Mordvintsev, Pezzotti, Schubert, Olah: "Differentiable Image Parameterizations", 2018): in each
step the picture is laid over another random ground before the network sees it, so what it shows must stand out
from any, and where the picture does not matter, its opacity falls.

All that a dream has to know of this it asks the `AlphaMode` of its recipe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from batcountry.errors import PictureError, RecipeError
from batcountry.image.files import SUFFIXES, check_writable
from batcountry.image.periodic import Wrap, seamless
from batcountry.image.picture import Picture
from batcountry.image.statistics import natural_noise
from batcountry.models.model import Model
from batcountry.objectives.base import IMAGE, OPACITY, Activations, Objective, Scorer
from batcountry.optim.param import MakeParam
from batcountry.optim.param.alpha import with_alpha
from batcountry.optim.transforms import Rng, Transform
from batcountry.optim.transforms.base import Size
from batcountry.optim.transforms.noise import drawn_seed, white_noise
from batcountry.recipe import Recipe

COLORS = 3
"""Channels of color, which come before the opacity."""

PLANES_DRAWN = 30
"""Planes of the picture's size that there are at most while the ground is drawn; measured."""

_HALF = 128.0  # neither opaque nor transparent, so that it can become both


class AlphaMode:
    """What is asked about opacity on the way of a dream. This one leaves a picture the opacity that it has.

    Parameters
    ----------
    recipe
        What is dreamed.
    """

    planes_more = 0
    """Planes of a picture that grow beyond those of its colors."""

    planes_drawn = 0
    """Planes that are in memory beside the picture while what it is laid over is drawn."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def check_recipe(self) -> None:
        """Raise `RecipeError` for options that do not go together."""
        if self.recipe.fade != Recipe.model_fields["fade"].default:
            raise RecipeError("fade is for pictures that grow transparent; give alpha, too")

    def check_network(self, model: Model, objective: Objective) -> None:  # noqa: ARG002
        """Raise `RecipeError` for a network or an objective that the recipe's alpha does not go with."""
        if OPACITY in objective.aux_inputs:
            raise RecipeError(f"{objective} reads the opacity that a picture has with alpha; give alpha, too")

    def check_writable(self, path: Path) -> None:
        """Raise `PictureError` if the dream cannot be written there; see `batcountry.image.files.check_writable`."""
        check_writable(path)

    def check_opaque(self, what: str) -> None:
        """Raise `RecipeError` for transparency in what has none, such as `an atlas`."""

    def initial(self, picture: Picture, wrap: Wrap, *, made: bool) -> Picture:  # noqa: ARG002
        """Return a picture with the opacity that it begins with; see `initial_alpha`."""
        return picture

    def planes(self, picture: Picture) -> Tensor:
        """Return what grows of a picture, (1, C, H, W), in gray levels."""
        return torch.from_numpy(picture.pixels).permute(2, 0, 1)[None]

    def param(self, colors: MakeParam) -> MakeParam:
        """Return what holds all planes, from what holds colors."""
        return colors

    def transforms(self, moves: Sequence[Transform]) -> list[Transform]:
        """Return what makes of all planes what the network sees, from what happens to the picture."""
        return list(moves)

    def prior(self, prior: Scorer) -> Scorer:
        """Return the scorer of all planes, from that of the image itself."""
        return prior

    def colors(self, image: Tensor) -> Tensor:
        """Return the planes, (N, C, H, W), that are no opacity."""
        return image

    def finished(self, picture: Picture, image: Tensor) -> Picture:  # noqa: ARG002
        """Return a finished picture with the opacity that it has after a dream, (N, C, H, W), of which it is the first."""
        return picture


class GrowingAlpha(AlphaMode):
    """Opacity is a fourth plane, which grows with the colors."""

    planes_more = 1
    planes_drawn = PLANES_DRAWN

    def check_recipe(self) -> None:
        """Raise `RecipeError` for windows, which know colors alone."""
        if self.recipe.windows != "none":
            raise RecipeError("alpha does not go with windows; leave one of them out")

    def check_network(self, model: Model, objective: Objective) -> None:  # noqa: ARG002
        """Raise `RecipeError` for a network that takes no colors."""
        if model.channels != COLORS:
            raise RecipeError(
                f"alpha is for pictures of colors, and the network takes {model.channels} channels; leave it out"
            )

    def check_writable(self, path: Path) -> None:
        """Raise `PictureError` if the dream cannot be written there, or not with its opacity."""
        check_writable(path)
        if SUFFIXES[path.suffix.lower()] == "JPEG":
            raise PictureError(
                f"{path} would have no transparency: end the name in .png, .webp or .tif, or leave alpha out"
            )

    def check_opaque(self, what: str) -> None:
        """Raise `RecipeError`; see `AlphaMode`."""
        raise RecipeError(
            f"{what} has no alpha, as its pictures are JPEGs; leave it out, or draw a picture with dream"
        )

    def initial(self, picture: Picture, wrap: Wrap, *, made: bool) -> Picture:
        """Return a picture with the opacity that it begins with; see `initial_alpha`."""
        return initial_alpha(picture, wrap, made=made)

    def planes(self, picture: Picture) -> Tensor:
        """Return colors and opacity, (1, 4, H, W), of a picture that has both; see `initial`."""
        assert picture.alpha is not None
        colors = super().planes(picture)
        return torch.cat([colors, torch.from_numpy(picture.alpha)[None, None].to(colors)], 1)

    def param(self, colors: MakeParam) -> MakeParam:
        """Return what holds colors as it is said, and opacity in the way that goes with it."""
        return with_alpha(colors)

    def transforms(self, moves: Sequence[Transform]) -> list[Transform]:
        """Return `moves` with a ground after them, and with what fades before them."""
        return [alpha_decay(self.recipe.fade), *moves, over_noise]

    def prior(self, prior: Scorer) -> Scorer:
        """Return the scorer of colors and opacity; see `of_colors`."""
        return of_colors(prior)

    def colors(self, image: Tensor) -> Tensor:
        """Return all planes but the last, (N, 3, H, W)."""
        return image[:, :COLORS]

    def finished(self, picture: Picture, image: Tensor) -> Picture:
        """Return a picture with the opacity of the first of those that grew."""
        return with_opacity(picture, image[0, COLORS])


def alpha_mode(recipe: Recipe) -> AlphaMode:
    """Return what is to be asked about opacity in a recipe's dream."""
    return GrowingAlpha(recipe) if recipe.alpha else AlphaMode(recipe)


def laid_over(image: Tensor, ground: Tensor) -> Tensor:
    """Return pictures, (N, 4, H, W), RGB and opacity in 0 to 255, laid over others, (1 or N, 3, H, W)."""
    opacity = image[:, COLORS:] / 255
    return ground + opacity * (image[:, :COLORS] - ground)


@dataclass(frozen=True)
class OverNoise:
    """Lays pictures over natural noise, which is drawn anew in every step and is the same for all of them.

    The transform from (N, 4 + …, H, W), RGB, opacity and the pictures beside, to (N, 3 + …, H, W).
    """

    def __call__(self, stack: Tensor, rng: Rng) -> Tensor:
        """See `batcountry.optim.transforms.base.Split`."""
        return self.apply(stack, self.draw(rng, (stack.shape[-2], stack.shape[-1])).to(stack))

    def draw(self, rng: Rng, size: Size) -> Tensor:
        """Return white noise, (1, 3, H, W); see `batcountry.optim.transforms.base.Split`."""
        return white_noise((1, COLORS, *size), drawn_seed(rng))

    def apply(self, stack: Tensor, drawn: Tensor) -> Tensor:
        """See `batcountry.optim.transforms.base.Split`."""
        over = laid_over(stack[:, : COLORS + 1], natural_noise(drawn))
        return torch.cat([over, stack[:, COLORS + 1 :]], 1)


over_noise = OverNoise()
"""The only one."""


def alpha_decay(share: float) -> Transform:
    """Return the transform that has opacity fade; see `AlphaDecay`."""
    return AlphaDecay(share)


@dataclass(frozen=True)
class AlphaDecay:
    """The transform that leaves pictures as they are, and takes from the gradient of their opacity.

    Attributes
    ----------
    share
        How much is taken at each pixel, as a multiple of that gradient's mean over the picture: what helps the
        objective less than so many times as much as the mean pixel fades, whatever the objective's scale. Nothing
        is taken where more opacity would help nothing on the whole.
    """

    share: float

    def __call__(self, stack: Tensor, _: Rng) -> Tensor:
        """See `batcountry.optim.transforms.base.Split`."""
        return _AlphaDecay.apply(stack, self.share)  # type: ignore[no-untyped-call]

    def draw(self, rng: Rng, size: Size) -> Tensor:  # noqa: ARG002
        """Return no numbers; see `batcountry.optim.transforms.base.Split`."""
        return torch.empty(0)

    def apply(self, stack: Tensor, drawn: Tensor) -> Tensor:  # noqa: ARG002
        """See `batcountry.optim.transforms.base.Split`."""
        return _AlphaDecay.apply(stack, self.share)  # type: ignore[no-untyped-call]


class _AlphaDecay(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, stack: Tensor, share: float) -> Tensor:
        ctx.share = share
        return stack.view_as(stack)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        gradient = gradient.clone()
        opacity = gradient[:, COLORS : COLORS + 1]
        opacity -= ctx.share * opacity.mean((1, 2, 3), keepdim=True).clamp(min=0)
        return gradient, None


def of_colors(prior: Scorer) -> Scorer:
    """Return the scorer of pictures' colors and opacity, (N, 4, H, W), from that of the image itself."""

    def score(activations: Activations) -> Tensor:
        image = activations[IMAGE]
        return prior({**activations, IMAGE: image[:, :COLORS], OPACITY: image[:, COLORS:] / 255})

    return score


def initial_alpha(picture: Picture, wrap: Wrap, *, made: bool) -> Picture:
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


def with_opacity(picture: Picture, opacity: Tensor) -> Picture:
    """Return a picture with another alpha, (H, W), 0 to 255."""
    return replace(picture, alpha=opacity.detach().clamp(0, 255).round().to(torch.uint8).cpu().numpy())
