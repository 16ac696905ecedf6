"""Parametrizations: how the picture is held while it grows.

A parametrization is made from a picture, which it then gives (or, if it cannot hold all of it, the
nearest that it can), and is moved by an optimizer.
"""

from batcountry.param.base import MakeParam, Param
from batcountry.param.fourier import Fourier, soft_fourier
from batcountry.param.maco import Maco
from batcountry.param.pixels import Pixels
from batcountry.param.veiled import Veiled, veiled

known: dict[str, MakeParam] = {
    "pixels": Pixels,
    "fourier": Fourier,
    "soft-fourier": soft_fourier,
    "maco": Maco,
}
"""Parametrizations by name. Put your own function in to extend it."""

step_sizes: dict[str, dict[str, float]] = {
    "pixels": {"ascent": 1.5, "adam": 2.0, "rmsprop": 1.0},
    "fourier": {"ascent": 0.05, "adam": 0.05, "rmsprop": 0.02},
    "soft-fourier": {"ascent": 0.05, "adam": 0.05, "rmsprop": 0.02},
    "maco": {"ascent": 0.1, "adam": 0.1, "rmsprop": 0.05},
}
"""The step size of a parametrization with an optimizer, if nothing is said: grey levels for pixels, multiples of
the usual amplitude of a wave for fourier, radians for maco."""

__all__ = [
    "Fourier",
    "Maco",
    "MakeParam",
    "Param",
    "Pixels",
    "Veiled",
    "known",
    "soft_fourier",
    "step_sizes",
    "veiled",
]
