"""Objectives of single units: neurons, classes, directions."""

from __future__ import annotations

from torch import Tensor

from batcountry.errors import RecipeError
from batcountry.models.classes import class_index
from batcountry.models.model import CLASSES, Model
from batcountry.objectives.base import Activations, Objective, Scorer, objective
from batcountry.objectives.layers import check_channel
from batcountry.objectives.references import check_positions
from batcountry.objectives.vectors import Vector, in_channels


def neuron(layer: str, channel: int, y: int | None = None, x: int | None = None) -> Objective:
    """Make more of one neuron: one channel of a layer at one place.

    Parameters
    ----------
    y, x
        Row and column of the place, from 0; the middle if not given. A place that a small octave does not
        have is that octave's last.
    """
    if min(y or 0, x or 0) < 0:
        raise RecipeError("the row and the column of a neuron are counted from 0")

    def bind(model: Model) -> Scorer:
        check_channel(model, layer, channel)

        def score(activations: Activations) -> Tensor:
            activation = activations[layer]
            check_positions(activation, layer, "a neuron")
            height, width = activation.shape[-2:]
            row, column = height // 2 if y is None else y, width // 2 if x is None else x
            return activation[:, channel, min(row, height - 1), min(column, width - 1)]

        return score

    return objective("neuron", (layer, channel, y, x), (layer,), bind)


def logit(wanted: str | int, layer: str | None = None) -> Objective:
    """Make the network more certain of a class, before any softmax.

    Parameters
    ----------
    wanted
        The class's number or name, or words of its name that no other has. For networks with ImageNet's classes
        also WordNet's id of it, such as `n02123045`.
    layer
        The layer that has a unit for each class; the model's own if not given.
    """
    name = layer or CLASSES

    def bind(model: Model) -> Scorer:
        index = class_index(wanted, model.classes, model.layer(name).channels)
        return lambda activations: _over_places(activations[name])[:, index]

    arguments = (wanted,) if layer is None else (wanted, layer)
    return objective("logit", arguments, (name,), bind)


def _over_places(activation: Tensor) -> Tensor:
    """Return (N, C) for a layer of classes, (N, C) or, of a net without a dense end, (N, C, H, W)."""
    return activation.flatten(2).mean(2) if activation.ndim > 2 else activation


def direction(layer: str, vector: list[float] | str, power: float = 0.0) -> Objective:
    """Make more of a mixture of channels: the dot product with a vector, at each place.

    Parameters
    ----------
    vector
        A number for each channel, or a `.npy` file of them.
    power
        Each product is weighted with the cosine to the power of this (Olah et al., "Activation Atlas",
        2019), so that activations turn toward the vector rather than grow.
    """
    toward = Vector.of(vector).flat

    def bind(model: Model) -> Scorer:
        values = toward.of_channels(model, layer)

        def score(activations: Activations) -> Tensor:
            activation = activations[layer]
            return likeness(activation, in_channels(values, activation), power)

        return score

    return objective(
        "direction", (layer, toward.label, power), (layer,), bind, local=True, files=toward.files
    )


def likeness(activation: Tensor, direction: Tensor, power: float) -> Tensor:
    """Return at each place the dot product over channels, times the cosine, at least 0.1, to the power of `power`.

    Parameters
    ----------
    activation, direction : (N or 1, C, …)
    """
    dot = (activation * direction).sum(1)
    if not power:
        return dot
    lengths = activation.norm(dim=1) * direction.norm(dim=1)
    return dot * (dot / lengths.clamp(min=1e-6)).clamp(min=0.1) ** power
