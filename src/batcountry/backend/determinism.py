"""The same numbers each time: on a graphics card some of cuDNN's ways to convolve add up in whatever order threads end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from batcountry.backend.process_settings import shared


@contextmanager
def _deterministic() -> Iterator[None]:
    cudnn = torch.backends.cudnn
    before, cudnn.deterministic = cudnn.deterministic, True
    try:
        yield
    finally:
        cudnn.deterministic = before


_shared = shared(_deterministic)


def same_each_time(device: torch.device) -> AbstractContextManager[None]:
    """Take only ways that give the same numbers each time in this block, on a device where there are others.

    It is to be open for the gradient, too. PyTorch's setting is the process's; see `batcountry.backend.process_settings`.
    """
    return _shared() if device.type == "cuda" else nullcontext()


def adds_in_order(device: torch.device) -> bool:
    """Whether the gradient of pixels that are used several times is added up in the same order each time on a device.

    Where it is not, `batcountry.image.sampling` has ways that do not depend on an order.
    """
    return device.type == "cpu"


def adds_whole_numbers(device: torch.device) -> bool:
    """Whether whole numbers of 64 bits can be relied on to add up on a device, at places that are given; untried with MPS."""
    return device.type != "mps"
