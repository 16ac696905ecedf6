"""The forms in which programs call `Net`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

from batcountry.caffe.proto.caffe_pb2 import TEST


@dataclass(frozen=True)
class Wanted:
    """What the arguments of `Net` after the first mean."""

    phase: int = TEST
    level: int = 0
    stages: Sequence[str] | None = None
    weights: str | PathLike[str] | None = None


def wanted_net(*arguments: Any, **named: Any) -> Wanted:
    """Read `(weights, phase)` or `(phase, level, stages, weights)`, in order or by name."""
    if arguments and not isinstance(arguments[0], int):
        return Wanted(*arguments[1:], **{"weights": arguments[0], **named})
    return Wanted(*arguments, **named)
