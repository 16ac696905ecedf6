"""The guide objective: dream toward what another picture shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from batcountry.errors import RecipeError
from batcountry.objectives.base import Objective, Scorer, objective
from batcountry.objectives.references import check_openable, files_of, labeled, picture_features

if TYPE_CHECKING:
    from batcountry.models.model import Model

_ROWS = 4096
"""Positions matched at once, so that the table of all dot products is never whole in memory."""


def guide(picture: Any, layer: str) -> Objective:
    """Make the picture's features more like the nearest ones of a guide picture.

    At each position of `layer` the guide's feature vector with the largest dot product is
    looked up; the score is the mean of those products (the "guided dream" of the 2015 deepdream
    notebook). The guide is used at its own size.

    Parameters
    ----------
    picture
        Whatever `batcountry.read_picture` takes. A file's name becomes part of the objective's
        text; any other picture stands there by its hash and cannot be read back from the text.
    layer
        The layer whose features are matched; it needs a height and a width.
    """
    label = labeled(picture)

    def bind(model: Model) -> Scorer:
        check_openable(picture, label)
        features = guide_features(model, picture, layer)
        return lambda activations: matched(activations[layer], features)

    return objective("guide", (label, layer), (layer,), bind, local=True, files=files_of(picture))


def guide_features(model: Model, picture: Any, layer: str) -> Tensor:
    """Return the features of a guide picture at `layer`: (C, positions), without gradient.

    Raises
    ------
    RecipeError
        If the network cannot run on it that far, or the layer has no height and width.
    """
    activation = picture_features(model, picture, f"the guide {labeled(picture)}", layer)
    if activation.ndim != 4:
        raise RecipeError(f"layer {layer!r} has no height and width, so a guide cannot be matched there")
    return activation[0].flatten(1)


def matched(activation: Tensor, features: Tensor) -> Tensor:
    """Return at each position the largest dot product with a guide's features, (N, H, W).

    Parameters
    ----------
    activation : (N, C, H, W)
    features : (C, positions)
    """
    rows = activation.permute(0, 2, 3, 1).reshape(-1, activation.shape[1])
    with torch.no_grad():
        nearest = torch.cat([(part @ features).argmax(1) for part in torch.split(rows, _ROWS)])
    products = (rows * features.t()[nearest]).sum(1)
    return products.reshape(activation.shape[0], *activation.shape[2:])
