"""Pictures that go on at their other side: panoramas and seamless tiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Wrap = tuple[bool, bool]
"""Whether the picture goes on at its other side along y, along x."""

NO_WRAP: Wrap = (False, False)


def wrapped_axes(wrap: str) -> Wrap:
    """Return which axes a recipe's `wrap` names: `none`, `x` or `xy`."""
    return wrap == "xy", wrap in ("x", "xy")


def seamless(pixels: NDArray[np.float32], wrap: Wrap) -> NDArray[np.float32]:
    """Return a picture whose opposite edges fit, H×W×3 gray levels, changed as little and as smoothly as can be.

    It is the periodic part of the periodic plus smooth decomposition (Moisan, 2011), along the
    wrapped axes alone. A picture that fits already hardly changes.
    """
    if not any(wrap):
        return pixels
    height, width = pixels.shape[:2]
    jumps = np.zeros_like(pixels)
    if wrap[0]:
        edge = pixels[-1] - pixels[0]
        jumps[0] += edge
        jumps[-1] -= edge
    if wrap[1]:
        edge = pixels[:, -1] - pixels[:, 0]
        jumps[:, 0] += edge
        jumps[:, -1] -= edge
    down, across = 2 * np.cos(2 * np.pi * fft.fftfreq(height)), 2 * np.cos(2 * np.pi * fft.rfftfreq(width))
    scale = down[:, None] + across[None] - 4
    scale[0, 0] = 1
    smooth = fft.irfft2(fft.rfft2(jumps, axes=(0, 1)) / scale[..., None], (height, width), axes=(0, 1))
    smooth -= smooth.mean((0, 1))
    return np.clip(pixels - smooth, 0, 255).astype(np.float32)
