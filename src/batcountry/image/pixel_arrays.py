"""Arrays of numbers as pixels: which axis is which, and what a number stands for."""

from __future__ import annotations

import hashlib
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batcountry.errors import PictureError

_LOWEST, _HIGHEST = -64.0, 320.0
"""How far float levels may lie beside 0 to 255, as resizing with a sharp filter leaves them."""


def pixels_of(array: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.uint8] | None]:
    """Return the pixels of an array, H×W×3 float32 in gray levels, and its alpha, H×W uint8, or None.

    Parameters
    ----------
    array
        H×W, H×W×3 or H×W×4: bool, uint8, uint16 (or wider, each in its own range), or signed and float numbers from
        0 to 255. Floats from 0 to 1 are multiplied by 255 with a `UserWarning`, since that is what they nearly always stand for.

    Raises
    ------
    PictureError
        If it has another shape or type, or numbers that are no gray levels.
    """
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, 2)
    if array.ndim != 3 or array.shape[2] not in (3, 4) or 0 in array.shape:
        raise PictureError(f"an array of shape {array.shape} is no picture: give height × width × 3")
    return split_alpha(gray_levels(array))


def gray_levels(array: NDArray[Any]) -> NDArray[np.float32]:
    """Return an array of any shape in gray levels; see `pixels_of`."""
    if array.dtype.kind not in "uifb":
        raise PictureError(f"an array of {array.dtype} is no picture: give uint8, or float from 0 to 255")
    return array.astype(np.float32) * np.float32(_scale(array))


def split_alpha(levels: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.uint8] | None]:
    """Return colors, H×W×3, and alpha, H×W uint8 or None, of gray levels, H×W×3 or H×W×4."""
    alpha = np.rint(np.clip(levels[..., 3], 0, 255)).astype(np.uint8) if levels.shape[2] == 4 else None
    return np.ascontiguousarray(levels[..., :3]), alpha


def channels_last(array: NDArray[Any]) -> NDArray[Any]:
    """Return a tensor's array, 3×H×W, 1×3×H×W or H×W×3, as H×W×3; where both fit, channels are first."""
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    return np.moveaxis(array, 0, -1) if array.ndim == 3 and array.shape[0] in (3, 4) else array


def digest_of(pixels: NDArray[np.float32]) -> str:
    """Return the sha256 of pixels that are in no file: of their shape, type and content."""
    digest = hashlib.sha256(f"{pixels.shape}{pixels.dtype}".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _scale(array: NDArray[Any]) -> float:
    """Return what an array's numbers are multiplied by to be gray levels."""
    if array.dtype.kind == "b":
        return 255.0
    if array.dtype.kind == "u":
        return 255.0 / np.iinfo(array.dtype).max
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all():
        raise PictureError("the array has values that are not finite numbers; a picture's are 0 to 255")
    if (low < 0 and -low > high / 4) or not _LOWEST <= low <= high <= _HIGHEST:
        raise PictureError(
            f"the array has values from {low:g} to {high:g}, and a picture's are 0 to 255; "
            "if it was normalized for a network, undo that, and give 16 bits as uint16"
        )
    if array.dtype.kind == "f" and low >= 0 and 0 < high <= 1:
        warnings.warn(
            "the picture's floats are from 0 to 1, so they were multiplied by 255; give 0 to 255 to say so yourself",
            UserWarning,
            stacklevel=6,
        )
        return 255.0
    return 1.0
