"""More of what is there already, in the way of cnn-vis."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from batcountry.errors import RecipeError
from batcountry.objectives.base import Objective, objective


def amplify(layer: str, l1: float = 1.0, l2: float = 1.0, clip: float = 5.0) -> Objective:
    """Make more of what a layer sees, strong features not much more than weak ones.

    The gradient at the layer is `l1 * |a| + l2 * clip(a, -clip, clip)` for activations a (cnn-vis, 2015);
    the score is the sum over channels of what has that gradient, `l1 * a * |a| / 2` and l2 times Huber's loss.
    """
    if clip <= 0:
        raise RecipeError("clip of amplify must be more than nothing")
    return objective(
        "amplify",
        (layer, l1, l2, clip),
        (layer,),
        lambda _: lambda activations: amplified(activations[layer], l1, l2, clip=clip),
        local=True,
    )


def amplified(a: Tensor, l1: float, l2: float, *, clip: float) -> Tensor:
    """Return at each place the score of `amplify`, (N, …), for activations (N, C, …)."""
    huber = F.huber_loss(a, a.new_zeros(()).expand_as(a), reduction="none", delta=clip)
    return (l1 / 2 * a * a.abs() + l2 * huber).sum(1)
