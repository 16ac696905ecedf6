"""From what is dreamed to what is shown: range, contrast, colors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from batcountry.errors import RecipeError
from batcountry.image import color
from batcountry.image.picture import Picture
from batcountry.optim.alpha import alpha_mode
from batcountry.recipe import Recipe

Recolor = Callable[[Tensor, Tensor, str], Tensor]
"""From a picture, its original of any size, (1, 3, H, W) in gray levels, and a color mode's name, to the picture in that mode."""


def recolored(shown: Tensor, original: Tensor, mode: str) -> Tensor:
    """Return a picture in the colors that a mode of `batcountry.image.color.COLOR_MODES` gives it; see `Recolor`."""
    like = F.interpolate(original.to(shown), shown.shape[-2:], mode="bilinear", antialias=True)
    return color.COLOR_MODES[mode](shown, like.clamp(0, 255))


def displayed(
    image: Tensor, original: Tensor, recipe: Recipe, recolor: Recolor = recolored
) -> NDArray[np.float32]:
    """Return the picture as it is shown, H×W×3, RGB in gray levels within 0 to 255.

    Parameters
    ----------
    image : (N, 3, h, w)
        The colors of the dream, of which the first is shown.
    original : (1, 3, H, W)
        What it is a dream on, whose colors it may have to take; of any size.
    recolor
        Gives it these colors.

    Raises
    ------
    RecipeError
        If there are pixels in the dream that are no finite numbers.
    """
    shown = image[:1].detach()
    low, high = torch.aminmax(shown)  # which are no finite numbers if any is none
    if not (low.isfinite() and high.isfinite()):
        raise RecipeError(
            "the dream came to pixels that are no finite numbers; take smaller steps, "
            "and see that the objective, the transforms and the optimizer make finite ones"
        )
    if recipe.rescale:
        shown = (shown - low) * (255 / (high - low).clamp(min=1e-3))
    elif not recipe.clip:
        shown = _brightened(shown)
    shown = shown.clamp(0, 255)
    if recipe.color != "free":
        shown = recolor(shown, original, recipe.color).clamp(0, 255)
    return shown[0].permute(1, 2, 0).contiguous().cpu().numpy().astype(np.float32, copy=False)


def finished(
    picture: Picture, image: Tensor, original: Tensor, recipe: Recipe, recolor: Recolor = recolored
) -> Picture:
    """Return the picture that a dream became, with all that it had beside its pixels.

    Parameters
    ----------
    picture
        What it is a dream on.
    image, original, recolor
        See `displayed`; with `alpha` opacity is the last channel.
    """
    alpha = alpha_mode(recipe)
    colors = displayed(alpha.colors(image), alpha.colors(original), recipe, recolor)
    return alpha.finished(picture.with_pixels(colors), image)


def check_color(name: str, channels: int = 3) -> None:
    """Raise `RecipeError` if there is no such way with colors, or pictures have none."""
    _ = color.COLOR_MODES[name]
    if name != "free" and channels != 3:
        raise RecipeError(
            f"color {name!r} is for colors, and the network takes {channels} channels; leave it out"
        )


def _brightened(image: Tensor) -> Tensor:
    # The 2015 notebook's rule for unclipped dreams: the brightest 0.02 % may saturate.
    brightest = float(np.percentile(image.cpu().numpy(), 99.98))
    return image * torch.tensor(np.float32(255.0 / max(brightest, 1.0)))
