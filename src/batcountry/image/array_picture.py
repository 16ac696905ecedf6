"""Pictures of other channels than colors, for networks made for such: arrays in, arrays out."""

from __future__ import annotations

import hashlib
import io
import sys
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from batcountry.backend.files import write_file
from batcountry.backend.policy import OPEN, Policy
from batcountry.errors import PictureError
from batcountry.image.files import MAX_PIXELS, read_file
from batcountry.image.picture import Picture


class DataPicture(Picture):
    """A picture whose pixels are H×W×n float32, from 0 to 255, of n channels that are no colors."""

    def array(self) -> NDArray[Any]:
        """Return the pixels, H×W×n float32."""
        return self.pixels

    def image(self) -> Image.Image:
        """Raise `PictureError`, since there is no way to show n channels."""
        raise PictureError(
            f"a picture of {self.pixels.shape[2]} channels cannot be shown; take its array(), or save it as .npy"
        )

    @property
    def mode(self) -> str:
        """How many channels there are, such as `5 channels`; PIL has no mode for them."""
        return f"{self.pixels.shape[2]} channels"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the pixels, H×W×n float32, without copying them if that will do; raises `ValueError` if it must not be."""
        if copy is False and dtype is not None and np.dtype(dtype) != self.pixels.dtype:
            raise ValueError(f"pixels are float32, so {dtype} takes a copy")
        return np.array(self.pixels, dtype=dtype, copy=True) if copy else np.asarray(self.pixels, dtype)

    def save(
        self,
        path: Any,
        format: str | None = None,
        *,
        quality: int = 95,  # noqa: ARG002 - as every picture takes
        overwrite: bool = False,
    ) -> Any:
        """Write the pixels as `.npy`, H×W×n float32, and return the path; such a file holds no note.

        Raises
        ------
        OutputExists
            If something is there and not `overwrite`; a `PictureError`, too.
        PictureError
            If the suffix or `format` is another, or the file cannot be written.
        """
        place = Path(path) if isinstance(path, (str, PathLike)) else None
        kind = (format or (place.suffix[1:] if place else "npy")).lower()
        if kind != "npy":
            raise PictureError(f"{place or kind}: a picture of {self.mode} is saved as .npy")
        file = io.BytesIO()
        np.save(file, self.pixels, allow_pickle=False)
        if place is None:
            path.write(file.getbuffer())
            return None
        try:
            write_file(place, file.getbuffer(), overwrite=overwrite)
        except OSError as error:
            raise PictureError(f"cannot write {place}: {error.strerror}") from None
        return place

    def _repr_png_(self) -> None:  # type: ignore[override]
        return None


def read_data(source: Any, channels: int, policy: Policy = OPEN) -> Picture:
    """Read a picture of so many channels.

    Parameters
    ----------
    source
        An array H×W×n of numbers, a torch tensor n×H×W or 1×n×H×W, a `.npy` file, or a `DataPicture`.
        Numbers are gray levels, 0 to 255, as in every picture.
    policy
        As for `batcountry.read_picture`.

    Raises
    ------
    PolicyError
        If the file is more than the policy allows.
    PictureError
        If it is none of these, has another number of channels, or has values that are not finite.
    """
    values = source
    name = digest = None
    if isinstance(source, (str, PathLike)):
        name, data = str(source), read_file(Path(source), policy)
        digest = hashlib.sha256(data).hexdigest()
        values = _loaded(data, name)
    elif isinstance(source, Picture):
        values = source.pixels
    elif "torch" in sys.modules and isinstance(source, sys.modules["torch"].Tensor):
        values = source.detach().cpu().numpy()
        values = np.moveaxis(values[0] if values.ndim == 4 and len(values) == 1 else values, 0, -1)
    if (
        not isinstance(values, np.ndarray)
        or values.ndim != 3
        or values.shape[2] != channels
        or 0 in values.shape
    ):
        kind = values.shape if isinstance(values, np.ndarray) else type(source).__name__
        raise PictureError(
            f"the network takes pictures of {channels} channels: give an array H×W×{channels}, not {kind}"
        )
    if values.dtype.kind not in "uif" or not np.isfinite(values).all():
        raise PictureError("the array has values that are not finite numbers; a picture's are 0 to 255")
    if isinstance(source, DataPicture) and source.sha256:
        return source
    policy.check_pixels((values.shape[1], values.shape[0]), name or "the picture")
    pixels = np.ascontiguousarray(values, dtype=np.float32)
    if digest is None:
        digest = hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
    return replace(DataPicture(pixels), source=name, sha256=digest)


def _loaded(data: bytes, name: str) -> NDArray[Any]:
    try:
        shape, _, dtype = _header(data)
        if int(np.prod(shape[:2], dtype=object)) > MAX_PIXELS or dtype.hasobject:
            raise PictureError(f"{name} has the shape {shape} of {dtype}, which is no picture")
        return np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, SyntaxError):
        raise PictureError(
            f"{name} is no .npy file of numbers, which a network of other channels takes"
        ) from None


def _header(data: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(file)
