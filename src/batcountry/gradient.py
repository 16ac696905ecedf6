"""The gradient of an objective on an image."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from batcountry.models.model import Model
from batcountry.objectives.base import Objective

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
