"""Pictures: what a dream starts from and ends as."""

from __future__ import annotations

import hashlib
import io
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from batcountry.errors import PictureError
from batcountry.picture_files import decode, encode, read_file

Pixels = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture with what has to survive a dream.

    Attributes
    ----------
    pixels
        H×W×3 float32, RGB in grey levels 0–255.
    alpha
        H×W uint8, or None if there is no transparency.
    icc
        An RGB colour profile, or None.
    source
        The file's name as it was given, or None if it was no file.
    sha256
        Of the file's bytes; of shape, type and content of anything else.
    note
        JSON text of the `Note` it carries, or None.
    """

    pixels: Pixels = field(repr=False)
    alpha: NDArray[np.uint8] | None = field(default=None, repr=False)
    icc: bytes | None = field(default=None, repr=False)
    source: str | None = None
    sha256: str = ""
    note: str | None = field(default=None, repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def array(self) -> NDArray[np.uint8]:
        """Return H×W×3 uint8, rounded to the nearest grey level."""
        return np.rint(np.clip(self.pixels, 0, 255)).astype(np.uint8)

    def image(self) -> Image.Image:
        """Return a PIL image, RGB, or RGBA if there is transparency."""
        image = Image.fromarray(self.array())
        if self.alpha is not None:
            image.putalpha(Image.fromarray(self.alpha))
        if self.icc:
            image.info["icc_profile"] = self.icc
        return image

    def save(self, path: str | Path, quality: int = 95, *, overwrite: bool = False) -> Path:
        """Write a PNG, JPEG, WebP or TIFF, with the note inside, and return the path.

        JPEG has no transparency, so alpha is dropped there. The file is written beside its
        place and renamed, so a failure leaves nothing half-written. What is there already is replaced
        only with `overwrite`.

        Raises
        ------
        OutputExists
            If something is there and not `overwrite`; a `PictureError`, too.
        PictureError
            If the suffix is of another format, or the file cannot be written.
        """
        return encode(
            self.image(), Path(path), note=self.note, icc=self.icc, quality=quality, overwrite=overwrite
        )

    def fitted(self, longest: int) -> Picture:
        """Return the picture shrunk, with antialiasing, so that its longer side is at most `longest` pixels."""
        return self if max(self.size) <= longest else self._scaled(longest)

    def enlarged(self, longest: int) -> Picture:
        """Return the picture enlarged so that its longer side has at least `longest` pixels."""
        return self if max(self.size) >= longest else self._scaled(longest)

    def _scaled(self, longest: int) -> Picture:
        size = scaled_size(self.size, longest)
        planes = [
            Image.fromarray(self.pixels[..., i]).resize(size, Image.Resampling.LANCZOS)
            for i in range(self.pixels.shape[2])
        ]
        pixels = np.clip(np.dstack([np.asarray(each) for each in planes]), 0, 255)
        return self.with_pixels(pixels.astype(np.float32))

    def with_pixels(self, pixels: Pixels) -> Picture:
        """Return this picture with other pixels, H×W×3; alpha is resized with them."""
        alpha = self.alpha
        if alpha is not None and alpha.shape != pixels.shape[:2]:
            alpha = np.asarray(Image.fromarray(alpha).resize(pixels.shape[1::-1], Image.Resampling.BILINEAR))
        return replace(self, pixels=pixels, alpha=alpha)

    def with_note(self, note: str) -> Picture:
        """Return this picture carrying `note`."""
        return replace(self, note=note)

    def _repr_png_(self) -> bytes:
        # A notebook keeps what it shows within itself, so large pictures are shown smaller.
        out = io.BytesIO()
        self.fitted(1024).image().save(out, "PNG")
        return out.getvalue()


def scaled_to(size: tuple[int, int], shrunk: int | None, enlarged: int | None) -> tuple[int, int]:
    """Return the (width, height) of a picture whose longer side becomes at most or at least so many pixels."""
    if shrunk and max(size) > shrunk:
        size = scaled_size(size, shrunk)
    if enlarged and max(size) < enlarged:
        size = scaled_size(size, enlarged)
    return size


def scaled_size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Return a size in the same proportions whose longer side is `longest`."""
    scale = longest / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def read_picture(source: Any) -> Picture:
    """Read a picture.

    Parameters
    ----------
    source
        A path; a PIL image; an array H×W, H×W×3 or H×W×4 (uint8, uint16, or float 0–255); a torch
        tensor 3×H×W, 1×3×H×W or H×W×3 (uint8 or float 0–255; where both fit, channels first); or a
        `Picture`, which is returned as it is.

    Raises
    ------
    PictureError
        If it is not a picture, is damaged, or is too large; the message names the file.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, (str, Path)):
        name = str(source)
        data = read_file(Path(source))
        with decode(data, name) as image:
            return replace(_from_image(image, name), source=name, sha256=hashlib.sha256(data).hexdigest())
    if isinstance(source, Image.Image):
        found = _from_image(source, "the picture")
    elif isinstance(source, np.ndarray):
        found = _from_array(source)
    elif "torch" in sys.modules and isinstance(source, sys.modules["torch"].Tensor):
        found = _from_array(_channels_last(source.detach().cpu().numpy()))
    else:
        raise PictureError(
            f"a picture cannot be made from {type(source).__name__}: give a path, an image or an array"
        )
    digest = hashlib.sha256(f"{found.pixels.shape}{found.pixels.dtype}".encode())
    digest.update(found.pixels.tobytes())
    return replace(found, sha256=digest.hexdigest())


def _from_image(image: Image.Image, name: str) -> Picture:
    from batcountry.picture_files import upright_rgb

    rgb, alpha, icc = upright_rgb(image, name)
    pixels = np.ascontiguousarray(np.asarray(rgb, dtype=np.float32))
    return Picture(pixels, None if alpha is None else np.array(alpha), icc)


def _from_array(array: NDArray[Any]) -> Picture:
    if array.ndim == 2:
        array = np.repeat(array[..., None], 3, 2)
    if array.ndim != 3 or array.shape[2] not in (3, 4) or 0 in array.shape:
        raise PictureError(f"an array of shape {array.shape} is no picture: give height × width × 3")
    if array.dtype.kind not in "uifb":
        raise PictureError(f"an array of {array.dtype} is no picture: give uint8, or float from 0 to 255")
    scale = {"b": 255.0, "u": 255.0 / np.iinfo(array.dtype).max if array.dtype.kind == "u" else 1.0}.get(
        array.dtype.kind, 1.0
    )
    pixels = array.astype(np.float32) * np.float32(scale)
    if not np.isfinite(pixels).all():
        raise PictureError("the array has values that are not finite numbers; a picture's are 0 to 255")
    alpha = np.rint(np.clip(pixels[..., 3], 0, 255)).astype(np.uint8) if array.shape[2] == 4 else None
    return Picture(np.ascontiguousarray(pixels[..., :3]), alpha)


def _channels_last(array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    return np.moveaxis(array, 0, -1) if array.ndim == 3 and array.shape[0] in (3, 4) else array
