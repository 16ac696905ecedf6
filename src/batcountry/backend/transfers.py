"""Numbers on their way to a device and back, which nobody waits for before they are needed.

With CUDA they go from and to memory that is pinned, on streams of their own, one for each way, so that copies run beside the
work and beside each other; an event says when they are there. Elsewhere they are copied at once.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Sent:
    """An array on its way to a device. Made by any thread; see `send`."""

    def __init__(self, tensor: Tensor, there: Any = None) -> None:
        self._tensor, self._there = tensor, there

    def tensor(self) -> Tensor:
        """Return the tensor on the device; what this thread starts there from now on is done when it has arrived."""
        if self._there is not None:
            stream = torch.cuda.current_stream(self._tensor.device)
            stream.wait_event(self._there)
            self._tensor.record_stream(stream)  # or its memory is given away before that work is done
        return self._tensor


class Fetched:
    """A tensor on its way back from a device; see `fetch`."""

    def __init__(self, tensor: Tensor, there: Any = None) -> None:
        self._tensor, self._there = tensor, there

    def array(self) -> NDArray[Any]:
        """Return the numbers, waiting for them; any thread may, and others go on meanwhile."""
        if self._there is not None:
            self._there.synchronize()
        return self._tensor.numpy()


def send(array: NDArray[Any], device: torch.device) -> Sent:
    """Begin to copy an array to a device; it must not be changed after that."""
    there = torch.from_numpy(np.ascontiguousarray(array))
    if device.type != "cuda":
        return Sent(there.to(device))
    stream = _stream(device, "there")
    with torch.cuda.stream(stream):
        tensor = there.pin_memory().to(device, non_blocking=True)
        return Sent(tensor, _noted(stream))


def brought(tensor: Tensor, device: torch.device) -> Tensor:
    """Return a tensor of the CPU on a device, where it comes in turn with the work that this thread starts; nobody waits.

    For few numbers, which need no stream of their own.
    """
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def fetch(tensor: Tensor) -> Fetched:
    """Begin to copy a tensor back, as it is after what this thread has started on its device; it must not be changed then."""
    tensor = tensor.detach()
    if tensor.device.type != "cuda":
        return Fetched(tensor.cpu().contiguous())
    stream, tensor = _stream(tensor.device, "back"), tensor.contiguous()
    stream.wait_event(_noted(torch.cuda.current_stream(tensor.device)))
    here = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    with torch.cuda.stream(stream):
        here.copy_(tensor, non_blocking=True)
        tensor.record_stream(stream)
        return Fetched(here, _noted(stream))


@cache
def _stream(device: torch.device, way: Literal["there", "back"]) -> Any:  # noqa: ARG001
    """Return the stream of one way to or from a device."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def _noted(stream: Any) -> Any:
    """Return an event that comes when what is on a stream so far is done."""
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record(stream)
    return event
