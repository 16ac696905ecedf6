"""Pictures as programs of 2015 have them: arrays of any of NumPy's kinds and PIL images of any mode, as RGB in gray levels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from batcountry.dreams.steps import Step
from batcountry.errors import PictureError
from batcountry.image.reading import read_picture

Array = NDArray[np.float32]


def levels_of(image: Any) -> Array:
    """Return a picture, of the kinds that `BatCountry.dream` takes, as H×W×3 float32, RGB, in gray levels as they are given.

    Raises
    ------
    PictureError
        If it is none, or has numbers that are not finite.
    """
    if not isinstance(image, np.ndarray):
        return read_picture(image).pixels
    if image.dtype.kind not in "buif" or 0 in image.shape:
        raise PictureError(f"an array of {image.dtype} of the shape {image.shape} is no picture")
    levels = np.array(image, dtype=np.float32)
    if levels.ndim == 2:
        levels = levels[..., None]
    if levels.ndim != 3 or levels.shape[2] not in (1, 2, 3, 4):
        raise PictureError(f"an array of shape {image.shape} is no picture: give height × width × 3")
    if not np.isfinite(levels).all():
        raise PictureError("the array has values that are not finite numbers; a picture's are 0 to 255")
    colors = levels[..., :3] if levels.shape[2] > 2 else levels[..., :1].repeat(3, axis=2)
    return np.ascontiguousarray(colors)


def guide_levels(image: Any, side: int) -> Array:
    """Return a picture of those kinds resized to a square, side×side×3 float32, RGB, in gray levels."""
    if not isinstance(image, Image.Image):
        image = Image.fromarray(np.uint8(np.clip(np.rint(levels_of(image)), 0, 255)))
    return np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR), dtype=np.float32)


def step_levels(step: Step) -> NDArray[np.float32]:
    """Return the picture after a step, (H, W, 3), in gray levels."""
    step.look()
    return np.array(step.image[0].permute(1, 2, 0).cpu().numpy())


def made(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a picture that is there already, for who asks for it when it is needed."""
    return picture
