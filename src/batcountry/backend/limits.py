"""How much work a file of a network may ask for, told before any of it is done: layers, and the numbers that they make.

A file of a few kilobytes can ask for any number of either. The bounds are far above what real networks need, which make
up to some hundreds of numbers for each of their weights (EfficientNet-B7 at 600×600 pixels 16, VGG-16 at 4096×4096 80).
"""

from __future__ import annotations

from batcountry.errors import ModelError

MOST_LAYERS = 5_000
"""Layers that a definition may have; NASNet and the deepest ResNets have less than 3,000."""

MOST_STEPS = 10_000
"""Operations that a program may have; of timm's networks the largest has 5,200."""

_FEW_NUMBERS = 1 << 28
_PER_WEIGHT = 512


def check_layers(count: int, where: str, most: int = MOST_LAYERS) -> None:
    """Raise `ModelError` for a network, called `where`, of more layers than any has."""
    if count > most:
        raise ModelError(
            f"{where} has {count:,} layers or operations, and at most {most:,} are taken; no real network has so many"
        )


def most_numbers(weights: int) -> int:
    """Return how many numbers the layers of a network with so many weights may make for one picture."""
    return _FEW_NUMBERS + _PER_WEIGHT * weights


def check_numbers(count: int, weights: int, where: str, more: int = 0) -> None:
    """Raise `ModelError` if a network's layers make more numbers than one with so many weights may.

    Parameters
    ----------
    count
        Numbers that are made for one picture.
    weights
        Numbers that its file has.
    more
        What it may make besides.
    """
    most = most_numbers(weights) + more
    if count > most:
        raise ModelError(
            f"{where} cannot be opened: its layers together make {count:,} numbers for one picture, and with its {weights:,} "
            f"weights it may make {most:,}"
        )
