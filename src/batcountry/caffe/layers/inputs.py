"""Where data enters a net."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batcountry.caffe.layers.registry import caffe_layer


@caffe_layer("Silence")
def silence(layer: Any, params: Sequence[Tensor], *bottoms: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    """Take blobs that nobody else needs."""
    return ()


@caffe_layer("Input")
def input_(layer: Any, params: Sequence[Tensor]) -> tuple[Tensor, ...]:  # noqa: ARG001
    """Return the shapes that the layer states; the values are the net's user's to write."""
    shapes = layer.input_param.shape
    return tuple(
        torch.empty(tuple(shapes[min(i, len(shapes) - 1)].dim), device="meta") for i in range(len(layer.top))
    )
