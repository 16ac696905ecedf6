"""Objectives that compare with the features of a picture: caricature, content, style."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from batcountry.backend.kernels.mean_square import mean_square
from batcountry.objectives.base import Activations, Objective, Scorer, objective
from batcountry.objectives.references import (
    Reference,
    check_openable,
    check_positions,
    files_of,
    labeled,
    picture_features,
)
from batcountry.objectives.units import likeness

if TYPE_CHECKING:
    from batcountry.models.model import Model


def caricature(layer: str, picture: Any = "start", power: float = 2.0) -> Objective:
    """Exaggerate what a layer sees in a picture, where it sees it.

    The dot product of the activations with those of the picture at the same place, times their cosine to the
    power of `power` (Cammarata et al., "Thread: Circuits", 2020; lucid).

    Parameters
    ----------
    picture
        Whatever `batcountry.read_picture` takes, resized to the picture dreamed on; or the text `start`.
    """
    reference = Reference.of(picture)

    def bind(model: Model) -> Scorer:
        reference.check()

        def score(activations: Activations) -> Tensor:
            return likeness(activations[layer], reference.features(model, activations, layer), power)

        return score

    arguments = (layer, reference.label, power)
    return objective(
        "caricature",
        arguments,
        (layer,),
        bind,
        local=True,
        aux_inputs=reference.aux_inputs,
        files=reference.files,
    )


def content(picture: Any, layer: str) -> Objective:
    """Come close to a picture's features, place by place: feature inversion, from any start.

    Minus the mean over channels of the squared difference (Mahendran and Vedaldi, 2015; Gatys et al., 2016).

    Parameters
    ----------
    picture
        Whatever `batcountry.read_picture` takes, resized to the picture dreamed on; or the text `start`.
    """
    reference = Reference.of(picture)

    def bind(model: Model) -> Scorer:
        distance = _distance(model, reference, layer)
        return lambda activations: -distance(activations)

    return objective(
        "content",
        (reference.label, layer),
        (layer,),
        bind,
        local=True,
        aux_inputs=reference.aux_inputs,
        files=reference.files,
    )


def strayed(layer: str) -> Objective:
    """Return `drift` of a layer's features."""
    start = Reference.of("start")
    return objective(
        "drift",
        (layer,),
        (layer,),
        lambda model: _distance(model, start, layer),
        local=True,
        aux_inputs=start.aux_inputs,
    )


def _distance(model: Model, reference: Reference, layer: str) -> Scorer:
    """Return the scorer of the mean squared difference of features at each place."""
    reference.check()

    def score(activations: Activations) -> Tensor:
        return mean_square(activations[layer] - reference.features(model, activations, layer))

    return score


def style(picture: Any, layer: str) -> Objective:
    """Take on a picture's texture: the correlations of a layer's channels, wherever they are.

    Minus the squared distance of the Gram matrices, relative to the picture's own (Gatys, Ecker, Bethge, 2016).
    The picture is used at its own size.
    """
    label = labeled(picture)

    def bind(model: Model) -> Scorer:
        check_openable(picture, label)
        features = picture_features(model, picture, f"the picture {label}", layer)
        check_positions(features, layer, "style")
        target = gram(features)
        size = target.square().sum().clamp(min=1e-12)
        return lambda activations: -(gram(activations[layer]) - target).square().sum((1, 2)) / size

    return objective("style", (label, layer), (layer,), bind, files=files_of(picture))


def gram(activation: Tensor) -> Tensor:
    """Return the mean over places of the products of channels, (N, C, C), for activations (N, C, H, W)."""
    flat = activation.flatten(2)
    return flat @ flat.transpose(1, 2) / flat.shape[2]
