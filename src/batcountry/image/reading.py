"""From whatever shows a picture to a `Picture`."""

from __future__ import annotations

import hashlib
import io
import logging
import sys
from dataclasses import replace
from os import PathLike
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from batcountry.backend.policy import OPEN, Policy
from batcountry.errors import PictureError
from batcountry.image.files import decode, note_inside, read_file
from batcountry.image.picture import Picture, Pixels
from batcountry.image.pixel_arrays import channels_last, digest_of, pixels_of, split_alpha
from batcountry.image.sources.light import is_light, light_pages, read_light
from batcountry.image.sources.opening import frame_count
from batcountry.image.sources.reduced import Need
from batcountry.image.sources.upright import upright_rgb
from batcountry.image.streams import read_stream

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger("batcountry")

FileLike = str | PathLike[str] | bytes | bytearray | memoryview | IO[bytes]
"""A file's name, its bytes, or a file that is open for reading them."""


def read_picture(
    source: FileLike | Image.Image | NDArray[Any] | Tensor | Picture,
    *,
    policy: Policy = OPEN,
    frame: int | None = None,
    need: Need | None = None,
) -> Picture:
    """Read a picture.

    Parameters
    ----------
    source
        A path, which may begin with `~` or be a `file://`; an address on the web; a file's bytes, or a file open for
        reading bytes, which is read from its beginning where it can be; a PIL image; an array H×W, H×W×3 or H×W×4
        (uint8, uint16, or float 0–255); a torch tensor 3×H×W, 1×3×H×W or H×W×3 (uint8 or float 0–255; where both fit,
        channels first); or a `Picture`, which is returned as it is. Floats from 0 to 1 are multiplied by 255, with a
        `UserWarning`.
    policy
        Which files may be read, how large they and the picture may be, and whether an address may be asked.
    frame
        Which frame or page of an animated picture or a TIFF to take, counted from 1. If it is not said, the first is taken, and a
        note says so where there are more.
    need
        What a picture in a file is needed for, so that one of more than 16 million pixels may be read smaller; see
        `batcountry.image.sources.reduced`.

    Raises
    ------
    PolicyError
        If that is more than the policy allows.
    PictureError
        If it is not a picture, is damaged, or is too large; the message names the file.
    """
    if isinstance(source, Picture):
        return source if source.sha256 else replace(source, sha256=digest_of(source.pixels))
    if isinstance(source, (str, PathLike)):
        return _from_file(read_file(source, policy), str(source), str(source), policy, frame, need)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _from_file(bytes(source), None, "the picture", policy, frame, need)
    if isinstance(source, Image.Image):
        picture = _from_image(source, "the picture")
        return replace(picture, sha256=digest_of(picture.pixels))
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if "torch" in sys.modules and isinstance(source, sys.modules["torch"].Tensor):
        tensor = source.detach().cpu()
        return _from_array(channels_last((tensor.float() if tensor.is_floating_point() else tensor).numpy()))
    if hasattr(source, "read"):
        name = getattr(source, "name", None)
        name = name if isinstance(name, str) else None
        data = read_stream(source, name or "the picture")
        return _from_file(data, name, name or "the picture", policy, frame, need)
    raise PictureError(
        f"a picture cannot be made from {type(source).__name__}: give a path, bytes, an image or an array"
    )


def read_frame(source: Any, frame: int | None, policy: Policy = OPEN, need: Need | None = None) -> Picture:
    """Read the picture that is dreamed on, as `read_picture`; if it is one of several, say how to choose."""
    picture = read_picture(source, policy=policy, frame=frame or 1, need=need)
    if picture.frames > 1 and frame is None and picture is not source:
        log.warning(
            "%s has %d frames or pages, and the first is dreamed on; choose another with --frame, or dream on all of them "
            "with `bat-country video`",
            picture.source or "the picture",
            picture.frames,
        )
    return picture


def picture_of_levels(pixels: Pixels) -> Picture:
    """Return the picture of pixels, H×W×3 or 4 float32, that are known to be gray levels, however dark they are."""
    levels, alpha = split_alpha(pixels.astype(np.float32, copy=False))
    return Picture(levels, alpha, sha256=digest_of(levels))


def _from_file(
    data: bytes, source: str | None, name: str, policy: Policy, frame: int | None, need: Need | None
) -> Picture:
    policy.check_bytes(len(data), name)
    known: dict[str, Any] = {"source": source, "sha256": hashlib.sha256(data).hexdigest()}
    if is_light(io.BytesIO(data), frame or 1):
        count = light_pages(io.BytesIO(data))
        _say_others(name, count, frame)
        return Picture(*read_light(data, name, policy, frame or 1), frames=count, **known)
    with decode(data, name, policy, frame or 1, need) as image:
        count = frame_count(data, name)
        _say_others(name, count, frame)
        return replace(_from_image(image, name), note=note_inside(image), frames=count, **known)


def _say_others(name: str, count: int, frame: int | None) -> None:
    if frame is None and count > 1:
        log.warning("%s has %d frames or pages, and the first is taken", name, count)


def _from_image(image: Image.Image, name: str) -> Picture:
    rgb, alpha, icc = upright_rgb(image, name)
    pixels = np.ascontiguousarray(np.asarray(rgb, dtype=np.float32))
    return Picture(pixels, None if alpha is None else np.array(alpha), icc)


def _from_array(array: NDArray[Any]) -> Picture:
    pixels, alpha = pixels_of(array)
    return Picture(pixels, alpha, sha256=digest_of(pixels))
