"""Objectives of the pictures of a batch together, as lucid has them: each reads all pictures that grow at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from batcountry.errors import RecipeError
from batcountry.objectives.base import Activations, Objective, Scorer, objective
from batcountry.objectives.batches import check_count
from batcountry.objectives.comparisons import gram
from batcountry.objectives.layers import check_channel
from batcountry.objectives.references import check_positions

if TYPE_CHECKING:
    from batcountry.models.model import Model

_FARTHEST = 4
"""Pictures so far apart in a batch are still compared for alignment."""


def alignment(layer: str, decay_ratio: float = 2.0) -> Objective:
    """Make neighbors in a batch alike: minus the mean squared difference of their features, summed over pairs.

    Pictures up to four apart are compared; with each further one a pair counts `decay_ratio` times less.

    Raises
    ------
    RecipeError
        For a decay of nothing; and as it is scored, for one picture alone.
    """
    if decay_ratio <= 0:
        raise RecipeError("alignment has a decay_ratio of more than 0")

    def score(activations: Activations) -> Tensor:
        features = activations[layer]
        scores = torch.zeros(len(features), dtype=features.dtype, device=features.device)
        for apart in range(1, min(_FARTHEST, len(features) - 1) + 1):
            away = (features[apart:] - features[:-apart]).square().flatten(1).mean(1) / decay_ratio**apart
            scores = scores - torch.nn.functional.pad(away, (apart, 0))
        return scores

    return _of_several("alignment", (layer, decay_ratio), lambda _: score)


def channel_interpolate(layer1: str, n_channel1: int, layer2: str, n_channel2: int) -> Objective:
    """Go over in a batch from one channel to another: the first picture is all of the one, the last all of the other.

    Raises
    ------
    RecipeError
        As it is scored, for one picture alone.
    """

    def bind(model: Model) -> Scorer:
        check_channel(model, layer1, n_channel1)
        check_channel(model, layer2, n_channel2)

        def score(activations: Activations) -> Tensor:
            count = len(activations[layer1])
            first, second = (
                activations[layer][:, channel].reshape(count, -1).mean(1)
                for layer, channel in ((layer1, n_channel1), (layer2, n_channel2))
            )
            return torch.lerp(first, second, torch.linspace(0, 1, count).to(first))

        return score

    arguments = (layer1, n_channel1, layer2, n_channel2)
    return _of_several("channel_interpolate", arguments, bind)


def diversity(layer: str) -> Objective:
    """Measure how alike the pictures of a batch are in a layer's texture; subtract it to have them differ.

    The mean over pictures of the cosines of its Gram matrix with those of the others, added up (Olah, Mordvintsev,
    Schubert: "Feature Visualization", 2017; lucid).

    Raises
    ------
    RecipeError
        As it is scored, for one picture alone, or a layer without places.
    """

    def score(activations: Activations) -> Tensor:
        activation = activations[layer]
        check_positions(activation, layer, "diversity")
        cosines = torch.nn.functional.normalize(gram(activation).flatten(1), dim=1)
        alike = cosines @ cosines.t()
        return (alike.sum(1) - alike.diagonal()) / len(activation)

    return _of_several("diversity", (layer,), lambda _: score)


def _of_several(name: str, arguments: tuple[str | float, ...], bind: Callable[[Model], Scorer]) -> Objective:
    """Return the objective of a batch that reads the layers among its arguments, and is scored for two pictures or more."""
    layers = tuple(dict.fromkeys(each for each in arguments if isinstance(each, str)))

    def bound(model: Model) -> Scorer:
        scorer = bind(model)

        def score(activations: Activations) -> Tensor:
            check_count(made, len(activations[layers[0]]))
            return scorer(activations)

        return score

    made = objective(name, arguments, layers, bound)
    made = made.with_terms((weight, replace(term, least_pictures=2)) for weight, term in made.terms)
    return made
