"""Numbers that never change, held on a device, where bringing them there in each step would wait for it."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

Numbers = tuple["float | Numbers", ...]
"""Nested tuples of numbers, as deep as the tensor has axes."""


def constant(numbers: Numbers, device: torch.device, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return numbers on a device; the tensor is shared, and not to be written to."""
    return _held(numbers, dtype, device)


@cache  # none is let go, as work that was recorded goes on reading it
def _held(numbers: Numbers, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.tensor(numbers, dtype=dtype, device=device)
