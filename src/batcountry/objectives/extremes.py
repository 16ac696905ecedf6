"""Objectives of the channels that a picture excites most, or least."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from batcountry.errors import RecipeError
from batcountry.objectives.base import START, Activations, Objective, Scorer, objective
from batcountry.objectives.references import Reference

if TYPE_CHECKING:
    from batcountry.models.model import Model


def strongest(layer: str, n: int = 1) -> Objective:
    """Make more of the n channels of a layer that the starting picture excites most, on average over it.

    They are found in the picture that the dream began with, at each octave's size and as the network sees it in
    that step. After a ReLU only what was excited counts; a layer from before it counts what was held down, too.
    """
    return _extreme("strongest", layer, n)


def weakest(layer: str, n: int = 1) -> Objective:
    """Make more of the n channels of a layer that the starting picture excites least; see `strongest`."""
    return _extreme("weakest", layer, n)


def _extreme(name: str, layer: str, n: int) -> Objective:
    if n < 1:
        raise RecipeError(f"{name} is of at least one channel, not {n}")
    start = Reference.of("start")

    def bind(model: Model) -> Scorer:
        channels = model.layer(layer).channels
        if n > channels:
            raise RecipeError(f"layer {layer!r} has {channels} channels; there are no {name} {n}")

        def score(activations: Activations) -> Tensor:
            means = start.features(model, activations, layer).flatten(2).mean(2)
            chosen = means.topk(n, largest=name == "strongest").indices
            return gather_channels(activations[layer], chosen).mean(1)

        return score

    return objective(name, (layer, n), (layer,), bind, aux_inputs={START: None})


def gather_channels(activation: Tensor, channels: Tensor) -> Tensor:
    """Return some channels of each picture, (N, n, …), for activations (N, C, …) and numbers (N, n)."""
    rows = torch.arange(len(activation), device=activation.device)[:, None]
    return activation[rows, channels.expand(len(activation), -1)]
