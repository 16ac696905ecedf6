"""A sky of clouds, made on the spot, for dreaming without a picture at hand."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_HIGH, _LOW = np.array([38.0, 92.0, 168.0]), np.array([168.0, 205.0, 232.0])
_LIT, _SHADE = np.array([255.0, 251.0, 244.0]), np.array([132.0, 146.0, 172.0])


def sky(width: int = 1024, height: int = 576, seed: int = 0) -> NDArray[np.uint8]:
    """Return a sky with cumulus clouds: H×W×3 uint8, RGB; the same for the same arguments.

    Clouds are fractal noise on a ceiling seen in perspective, so they crowd and flatten toward
    the horizon; light falls on them from the upper left.
    """
    random = np.random.RandomState(seed)
    down = np.linspace(0, 1, height)[:, None]
    across = np.linspace(-0.5, 0.5, width)[None] * (width / height)
    depth = 1.0 / (1.12 - down)
    puffs = _fractal(random, across * depth * 3.2 + 40, depth * 5.5 + np.zeros_like(across))
    fine = _fractal(random, across * depth * 13 + 40, depth * 22 + np.zeros_like(across))
    density = puffs + 0.28 * fine
    cover = np.clip((density - np.quantile(density, 0.45)) / 0.55, 0, 1)
    thick = ndimage.gaussian_filter(cover, height / 60)
    light = thick - ndimage.shift(thick, (height / 28, width / 60), order=1, mode="nearest")
    bright = np.clip(0.62 + 2.2 * light + 0.45 * fine - 0.25 * thick, 0, 1)[..., None]
    opacity = (1 - np.exp(-4.5 * cover))[..., None]
    blue = _HIGH + (_LOW - _HIGH) * (down**1.6)[..., None]
    cloud = _SHADE + (_LIT - _SHADE) * bright
    return np.rint(np.clip(blue + (cloud - blue) * opacity, 0, 255)).astype(np.uint8)


def _fractal(
    random: np.random.RandomState, x: NDArray[Any], y: NDArray[Any], octaves: int = 6
) -> NDArray[Any]:
    total: NDArray[Any] = np.zeros(np.broadcast(x, y).shape)
    for octave in range(octaves):
        grid = random.normal(size=(64, 64))
        at = np.stack(np.broadcast_arrays(y, x)) * 2.0**octave
        total += ndimage.map_coordinates(grid, at, order=3, mode="grid-wrap") * 0.55**octave
    return total / 2
