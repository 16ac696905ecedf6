"""An optimizer."""

from collections.abc import Sequence

import torch
from torch import Tensor

from batcountry.optim.optimizers import Make, Settings


class Sign:
    """Steps that are equally long for every number."""

    def __init__(self, tensors: Sequence[Tensor], settings: Settings) -> None:
        self._tensors, self._schedule, self._steps = tensors, settings.schedule, 0

    def update(self, slopes: Sequence[Tensor]) -> None:
        """See `batcountry.optim.optimizers.Optimizer`."""
        with torch.no_grad():
            for tensor, slope in zip(self._tensors, slopes, strict=True):
                tensor.add_(slope.sign(), alpha=self._schedule.at(self._steps))
        self._steps += 1


def sign(settings: Settings) -> Make:
    """Return what makes the optimizer."""
    return lambda tensors: Sign(tensors, settings)
