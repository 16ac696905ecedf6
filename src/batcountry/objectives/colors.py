"""Penalties on colors that are not the start's, to be subtracted."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from batcountry.image.color import statistics, to_oklab
from batcountry.objectives.base import IMAGE, START, Activations, Objective, objective

_LEVELS = 255.0**2
"""Squared OKLab distances are small; so many make them as large as those of gray levels."""


def recolor(what: Literal["chroma", "palette"] = "chroma") -> Objective:
    """Measure how far the colors went from the start's, as people see them.

    Parameters
    ----------
    what
        `chroma`: the squared difference of OKLab's two chroma planes, pixel by pixel, while light and shade are free.
        `palette`: that of mean and spread of each OKLab plane over the picture, while places are free.
        Both are in squares of 1/255 of the way from black to white.
    """
    score = _chroma if what == "chroma" else _palette
    return objective(
        "recolor", (what,), (), lambda _: score, local=what == "chroma", aux_inputs={START: None}
    )


def _chroma(activations: Activations) -> Tensor:
    away = to_oklab(activations[IMAGE])[:, 1:] - to_oklab(activations[START])[:, 1:]
    return away.square().sum(1) * _LEVELS


def _palette(activations: Activations) -> Tensor:
    (mean, std), (start_mean, start_std) = (statistics(to_oklab(activations[key])) for key in (IMAGE, START))
    away = (mean - start_mean).square() + (std - start_std).square()
    return away.sum((1, 2, 3)) * _LEVELS
