"""Render a still life to dream on: five balls on a table, lit from the upper left.

python examples/still_life.py still-life.png
"""

from __future__ import annotations

import sys

import numpy as np
from PIL import Image
from scipy import ndimage

BALLS = [  # x, y, radius (of the picture's height), color
    (0.42, 0.60, 0.22, (196, 62, 48)),
    (0.86, 0.52, 0.30, (222, 164, 58)),
    (1.32, 0.64, 0.18, (70, 128, 84)),
    (1.58, 0.72, 0.12, (88, 96, 170)),
    (0.66, 0.78, 0.11, (206, 120, 150)),
]
LIGHT = np.array([-0.5, -0.65, 0.57])


def still_life(width: int = 768, height: int = 432, seed: int = 0) -> np.ndarray:
    """Return the picture, H×W×3 uint8."""
    random = np.random.RandomState(seed)
    y, x = np.mgrid[:height, :width] / height
    grain = ndimage.gaussian_filter(random.normal(size=(height, width)), (1.0, 14.0)) * 60
    wood = np.array([150, 104, 66.0]) + grain[..., None] * 0.6
    wall = (
        np.array([112, 122, 128.0])
        + (ndimage.gaussian_filter(random.normal(size=(height, width)), 6) * 160)[..., None]
    )
    table = (y > 0.62)[..., None]
    picture = np.where(table, wood, wall) * (1.15 - 0.35 * x / x.max())[..., None]
    for cx, cy, radius, _ in BALLS:
        shadow = np.exp(
            -(((x - cx - 0.45 * radius) / radius) ** 2 + ((y - cy - 0.95 * radius) / (0.28 * radius)) ** 2)
        )
        picture = picture * (1 - 0.6 * shadow[..., None])
    for cx, cy, radius, color in BALLS:
        dx, dy = (x - cx) / radius, (y - cy) / radius
        inside = dx**2 + dy**2 < 1
        dz = np.sqrt(np.clip(1 - dx**2 - dy**2, 0, 1))
        lit = np.clip(dx * LIGHT[0] + dy * LIGHT[1] + dz * LIGHT[2], 0, 1)
        shine = np.clip(lit, 0, 1) ** 40
        skin = 1 + 0.10 * ndimage.gaussian_filter(random.normal(size=x.shape), 3) * 6
        ball = np.array(color) * (0.22 + 0.9 * lit * skin)[..., None] + 190 * shine[..., None]
        picture = np.where(inside[..., None], ball, picture)
    return np.uint8(
        np.clip(
            ndimage.gaussian_filter(picture, (0.6, 0.6, 0)) + random.normal(0, 2.5, picture.shape), 0, 255
        )
    )


if __name__ == "__main__":
    Image.fromarray(still_life()).save(sys.argv[1] if len(sys.argv) > 1 else "still-life.png")
