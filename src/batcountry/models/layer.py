"""What is known of one of a network's layers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """An activation that can be dreamed with.

    Attributes
    ----------
    name
        A Caffe layer's name as it is written, or a dotted path.
    channels
        Length of axis 1 of what it produces.
    stride, receptive_field
        Pixels of the picture between two of its units, and pixels that one unit sees along one
        axis; None where a unit sees all of the picture, or nobody knows.
    before
        How many of them lie before the unit's own place, which is at a multiple of the stride.
    grid
        The network's output moves with the picture if that moves by a multiple of so many pixels;
        None where it does not, or nobody knows.
    recommended
        Whether it is one of those that dream well; see `batcountry.models.inspect.good_layers`.
    """

    name: str
    channels: int
    stride: int | None
    receptive_field: int | None
    before: int = 0
    grid: int | None = None
    recommended: bool = False
