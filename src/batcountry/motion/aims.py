"""What a frame's dream goes for, of which two are mixed between keyframes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from batcountry.backend.devices import widened
from batcountry.dreams.resolve import Resolved
from batcountry.objectives.base import Scorer
from batcountry.optim.aux_inputs import NO_AUX_INPUTS, AuxInputs, Pictures
from batcountry.optim.gradient import Gradient


@dataclass(frozen=True)
class Aim:
    """What a frame's dream goes for, bound to the network."""

    resolved: Resolved
    gradient: Gradient
    whole: Gradient
    prior: Scorer | None
    pictures: Pictures


def mixed(aims: list[tuple[Aim, float]]) -> Gradient:
    """Return the gradient of several aims at once, each brought to the same size before it is weighed."""
    if len(aims) == 1:
        return aims[0][0].gradient

    def gradient(image: Tensor, aux_inputs: AuxInputs = NO_AUX_INPUTS) -> tuple[Tensor, Tensor]:
        score, total = widened(0.0, image), torch.zeros_like(image)
        for aim, weight in aims:
            each, found = aim.gradient(image, aux_inputs)
            size = found.abs().mean()
            total += found * torch.where(size > 0, weight / size, torch.zeros_like(size))
            score = score + weight * each
        return score, total

    return gradient


def mixed_priors(aims: list[tuple[Aim, float]]) -> Scorer | None:
    """Return the score of the image itself that several aims have together; None if there is none."""
    priors = [(aim.prior, weight) for aim, weight in aims if aim.prior is not None]
    if not priors:
        return None

    def score(activations: Any) -> Tensor:
        first, *rest = (weight * prior(activations) for prior, weight in priors)
        return sum(rest, start=first)

    return score
