"""Parametrizations: how the picture is held while it grows.

A parametrization is made from a picture, which it then gives (or, if it cannot hold all of it, the
nearest that it can), and is moved by an optimizer.
"""

from batcountry.param.base import MakeParam, Param
from batcountry.param.pixels import Pixels

known: dict[str, MakeParam] = {"pixels": Pixels}
"""Parametrizations by name. Put your own function in to extend it."""

step_sizes: dict[str, dict[str, float]] = {
    "pixels": {"ascent": 1.5, "adam": 2.0, "rmsprop": 1.0},
}
"""The step size of a parametrization with an optimizer, if nothing is said; that of the pixels is in grey levels."""

__all__ = ["MakeParam", "Param", "Pixels", "known", "step_sizes"]
