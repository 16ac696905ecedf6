"""Running a net over more items than its batch holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from batcountry.caffe.blob import Blob

Arrays = dict[str, NDArray[np.float32]]


class Runnable(Protocol):
    """What runs in batches: a `Net`, as far as it is needed here."""

    @property
    def blobs(self) -> Mapping[str, Blob]:
        """Blobs by name, the first of which has the batch's size."""

    @property
    def inputs(self) -> list[str]:
        """Names of the blobs that are given."""

    def forward(self, blobs: Sequence[str] | None = None, **data: Any) -> Arrays:
        """Run forward on arrays for input blobs, and return the outputs and `blobs`."""

    def backward(self, diffs: Sequence[str] | None = None, **seeds: Any) -> Arrays:
        """Run back from arrays for diffs, and return the diffs of the inputs and `diffs`."""


def forward_all(net: Runnable, blobs: Sequence[str] | None = None, **data: Any) -> Arrays:
    """Run forward over all items of `data`, in batches of the net's own size.

    Parameters
    ----------
    blobs
        Names of blobs to return besides the net's outputs.
    data
        Arrays for all input blobs, by name, each of the same number of items.

    Returns
    -------
    dict
        Blob name to an array of as many items.
    """
    found: dict[str, list[NDArray[np.float32]]] = {}
    for batch in _batches(net, data):
        for name, array in net.forward(blobs, **batch).items():
            found.setdefault(name, []).append(array.copy())
    return {name: _joined(arrays, data) for name, arrays in found.items()}


def forward_backward_all(
    net: Runnable, blobs: Sequence[str] | None = None, diffs: Sequence[str] | None = None, **arrays: Any
) -> tuple[Arrays, Arrays]:
    """Run forward and back over all items, in batches of the net's own size.

    Parameters
    ----------
    blobs, diffs
        Names of blobs whose data and diffs to return besides those of the outputs and the inputs.
    arrays
        Arrays for all input blobs, and for the diffs of output blobs, by name.
    """
    data = {name: array for name, array in arrays.items() if name in net.inputs}
    seeds = {name: array for name, array in arrays.items() if name not in net.inputs}
    forward: dict[str, list[NDArray[np.float32]]] = {}
    backward: dict[str, list[NDArray[np.float32]]] = {}
    for batch, seed in zip(_batches(net, data), _batches(net, seeds, data), strict=False):
        for name, array in net.forward(blobs, **batch).items():
            forward.setdefault(name, []).append(array.copy())
        for name, array in net.backward(diffs, **seed).items():
            backward.setdefault(name, []).append(array.copy())
    return (
        {name: _joined(each, data) for name, each in forward.items()},
        {name: _joined(each, data) for name, each in backward.items()},
    )


def _count(data: Mapping[str, Any]) -> int:
    counts = {len(array) for array in data.values()}
    if len(counts) != 1:
        raise ValueError(f"the inputs have to be of one number of items, not {sorted(counts)}")
    return counts.pop()


def _batches(
    net: Runnable, arrays: Mapping[str, Any], of: Mapping[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the arrays in batches, the last one filled up with zeros."""
    size = next(iter(net.blobs.values())).shape[0]
    for start in range(0, _count(of or arrays), size):
        batch = {name: np.asarray(each[start : start + size], np.float32) for name, each in arrays.items()}
        yield {
            name: np.concatenate([each, np.zeros((size - len(each), *each.shape[1:]), np.float32)])
            for name, each in batch.items()
        }


def _joined(arrays: Sequence[NDArray[np.float32]], data: Mapping[str, Any]) -> NDArray[np.float32]:
    return np.concatenate(arrays)[: _count(data)]
