"""Objectives of a whole layer and of one channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batcountry.backend.kernels.mean_square import mean_square
from batcountry.errors import RecipeError
from batcountry.objectives.base import Objective, Scorer, objective

if TYPE_CHECKING:
    from batcountry.models.model import Model


def layer(name: str) -> Objective:
    """Make more of everything a layer sees: the mean of its squared activations.

    The deep-dream objective (Mordvintsev, Olah, Tyka: "Inceptionism", 2015). The 2015 programs
    feed the activations back as their own gradient, which is that of half the sum of squares;
    the mean differs by a factor that normalized ascent takes out, and does not depend on the
    picture's size.
    """
    return objective(
        "layer",
        (name,),
        (name,),
        lambda _: lambda activations: mean_square(activations[name]),
        local=True,
    )


def channel(layer: str, index: int) -> Objective:
    """Make more of one channel (feature map) of a layer: the mean of its activations.

    `index` counts from 0 (Olah, Mordvintsev, Schubert: "Feature Visualization", 2017). Binding
    raises `RecipeError` if the layer has no such channel.
    """

    def bind(model: Model) -> Scorer:
        check_channel(model, layer, index)
        return lambda activations: activations[layer][:, index]

    return objective("channel", (layer, index), (layer,), bind, local=True)


def check_channel(model: Model, layer: str, index: int) -> None:
    """Raise `RecipeError` if a layer has no such channel."""
    channels = model.layer(layer).channels
    if not 0 <= index < channels:
        raise RecipeError(f"layer {layer!r} has channels 0 to {channels - 1}; there is no channel {index}")
