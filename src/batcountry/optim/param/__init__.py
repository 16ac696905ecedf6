"""Parametrizations: how the picture is held while it grows.

A parametrization is made from a picture, which it then gives (or, if it cannot hold all of it, the
nearest that it can), and is moved by an optimizer.
"""

from batcountry.optim.param.alpha import AlphaParam, with_alpha
from batcountry.optim.param.base import MakeParam, Param
from batcountry.optim.param.decorrelated import Decorrelated
from batcountry.optim.param.fourier import Fourier, soft_fourier
from batcountry.optim.param.maco import Maco
from batcountry.optim.param.pixels import Pixels
from batcountry.recipe.registry import Registry

PARAMS: Registry[MakeParam] = Registry(
    "param",
    "batcountry.params",
    {
        "decorrelated": Decorrelated,
        "pixels": Pixels,
        "fourier": Fourier,
        "soft-fourier": soft_fourier,
        "maco": Maco,
    },
)
"""Parametrizations by name; `register` your own function to extend it."""

step_sizes: dict[str, dict[str, float]] = {
    "decorrelated": {"ascent": 2.7, "adam": 2.0, "rmsprop": 2.0, "rmsprop-cnn-vis": 2.0},
    "pixels": {"ascent": 1.5, "adam": 2.0, "rmsprop": 1.0, "rmsprop-cnn-vis": 1.0},
    "fourier": {"ascent": 0.05, "adam": 0.05, "rmsprop": 0.02, "rmsprop-cnn-vis": 0.02},
    "soft-fourier": {"ascent": 0.05, "adam": 0.05, "rmsprop": 0.02, "rmsprop-cnn-vis": 0.02},
    "maco": {"ascent": 0.1, "adam": 0.1, "rmsprop": 0.05, "rmsprop-cnn-vis": 0.05},
}
"""The step size of a parametrization with an optimizer, if nothing is said: gray levels for decorrelated and pixels, multiples of
the usual amplitude of a wave for fourier, radians for maco."""

by_pixel = ("decorrelated", "pixels")
"""Parametrizations whose tensors are pictures, of which one pixel can stay while others move."""

normalizations = {"decorrelated": "bands"}
"""What ascent on a parametrization divides the gradient by if nothing is said; for all others its mean size."""

__all__ = [
    "PARAMS",
    "AlphaParam",
    "Decorrelated",
    "Fourier",
    "Maco",
    "MakeParam",
    "Param",
    "Pixels",
    "by_pixel",
    "normalizations",
    "soft_fourier",
    "step_sizes",
    "with_alpha",
]
