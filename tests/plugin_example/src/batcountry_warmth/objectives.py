"""An objective."""

from torch import Tensor

from batcountry.objectives import IMAGE, Activations, Objective, objective


def warmth(amount: float = 1.0) -> Objective:
    """Make the picture redder than it is blue."""

    def score(seen: Activations) -> Tensor:
        return amount * (seen[IMAGE][:, 0] - seen[IMAGE][:, 2]) / 255

    return objective("warmth", (amount,), (), lambda _: score, local=True)
