"""The gradient of an objective on an image."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from batcountry.models.model import Model
from batcountry.objectives.base import Objective
from batcountry.tiles import NO_WRAP, TileScorer, Wrap

Gradient = Callable[[Tensor], tuple[float, Tensor]]
"""From an image (N, 3, H, W), RGB in grey levels, to its score and the score's gradient of that shape."""


def whole_gradient(model: Model, objective: Objective) -> Gradient:
    """Return the function that gives the score and gradient of a whole picture at once.

    The network runs no further than the last layer the objective reads. Works also when the
    caller is inside `torch.no_grad()` or `torch.inference_mode()`.
    """
    scorer = objective.bind(model)
    layers = objective.layers

    def gradient(image: Tensor) -> tuple[float, Tensor]:
        with torch.inference_mode(False), torch.enable_grad():
            leaf = image.detach().clone().requires_grad_()
            score = scorer(model.activations(leaf, layers))
            (found,) = torch.autograd.grad(score, leaf)
        return float(score.detach()), found

    return gradient


def tiled_gradient(
    model: Model, objective: Objective, side: int | None = None, wrap: Wrap = NO_WRAP
) -> Gradient:
    """Return the function that gives what `whole_gradient` does, tile by tile.

    Parameters
    ----------
    side
        Of a tile's core in pixels, rounded down to the network's grid; with none there is one tile.
    wrap
        Whether the network sees the picture go on at its other side, along y and along x.

    Raises
    ------
    RecipeError
        If the objective is not local, or its layers see the whole picture.
    """
    scorer = TileScorer(model, objective)
    units: dict[tuple[int, int], dict[str, int]] = {}

    def gradient(image: Tensor) -> tuple[float, Tensor]:
        height, width = image.shape[-2:]
        tiles = scorer.halo.tiles((height, width), side, wrap)
        if (height, width) not in units:
            units[height, width] = scorer.units(tiles, image.dtype)
        total, score = torch.zeros_like(image), 0.0
        for tile in tiles:
            share, part = scorer(tile.read(image), tile, units[height, width])
            tile.add(part, total)
            score += share
        return score, total

    return gradient
