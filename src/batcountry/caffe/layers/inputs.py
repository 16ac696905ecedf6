"""Where data enters a net."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from batcountry.caffe.layers.registry import caffe_layer


@caffe_layer("Input")
def input_(layer: Any, params: Sequence[Tensor]) -> tuple[Tensor, ...]:  # noqa: ARG001
    """Return zeros of the shapes that the layer states; a net's user writes over them."""
    shapes = layer.input_param.shape
    return tuple(torch.zeros(tuple(shapes[min(i, len(shapes) - 1)].dim)) for i in range(len(layer.top)))
