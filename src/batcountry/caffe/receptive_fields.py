"""The receptive fields of a net's layers on its input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

from batcountry.backend.receptive_field import PIXEL, ReceptiveField
from batcountry.caffe.graph import Node


def receptive_fields(nodes: Sequence[Node]) -> Mapping[str, ReceptiveField | None]:
    """Return each layer's receptive field on the input; None where its units see all of it."""
    of_blobs: dict[str, ReceptiveField | None] = {}
    of_layers: dict[str, ReceptiveField | None] = {}
    for node in nodes:
        bottoms = [of_blobs[name] for name in node.bottoms] or [PIXEL]
        window = node.kind.window(node.layer)
        known = [field for field in bottoms if field is not None]
        field = None
        if window is not None and len(known) == len(bottoms):
            field = reduce(ReceptiveField.joined, known).through(window)
        of_layers[node.name] = field
        of_blobs.update(dict.fromkeys(node.tops, field))
    return of_layers
