"""What a reader is tried with."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Target:
    """A kind of input: how one is made, and who reads it.

    Attributes
    ----------
    name
        Of the kind, as it is counted.
    make
        Writes one damaged input into an empty folder and returns the path that is read, a file or a folder; all that it
        draws is from the generator, so that a seed gives the same inputs again. What does not change from input to input
        (seeds, a network) it makes once and keeps.
    use
        Reads that path as the program does. It may end, or raise a `BatCountryError`; all else is a defect.
    share
        Of all inputs, beside the shares of the other targets: quick readers take more of them.
    """

    name: str
    make: Callable[[random.Random, Path], Path]
    use: Callable[[Path], object]
    share: float = 1.0
