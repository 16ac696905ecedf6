"""Pictures of light: floats without an upper bound, in EXR, Radiance HDR and float TIFF files, brought to what screens show."""

from __future__ import annotations

import io
import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL.ExifTags import Base as Tag

from batcountry.backend.policy import OPEN, Policy
from batcountry.backend.process_settings import shared
from batcountry.errors import MissingExtra, PictureError
from batcountry.image.sources import tiff_pages
from batcountry.image.sources.opening import MAX_PIXELS, decoding, is_heic, open_image

log = logging.getLogger("batcountry")

Floats = NDArray[np.float32]

_EXR, _HDR = b"v/1\x01", (b"#?RADIANCE", b"#?RGBE")
_MOST_NUMBERS = 4 * MAX_PIXELS
_FLOATS = 3  # TIFF's sample format
_GRAY = 0.18
"""What a photographer's gray card gives back of the light; the picture's mean is brought there."""
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


class LightPicture(NamedTuple):
    """A picture of floats: H×W×3 in gray levels 0–255, and its opacity, H×W uint8, or None."""

    pixels: Floats
    alpha: NDArray[np.uint8] | None


def is_light(file: BinaryIO, page: int = 1) -> bool:
    """Whether a file, open at its beginning, or a page of it, is a picture of light that Pillow does not read."""
    begin = file.read(16)
    file.seek(0)
    return begin.startswith((_EXR, *_HDR)) or (
        begin.startswith(tiff_pages.BEGIN) and _tiff_size(file, page) is not None
    )


def light_size(file: BinaryIO, name: str, page: int = 1) -> tuple[int, int]:
    """Return (width, height) of a picture of light, as its header says; raises `PictureError` if it says nothing of the kind."""
    begin = file.read(1 << 16)
    file.seek(0)
    if begin.startswith(_EXR):
        return _exr_size(file.read(), name)
    size = _hdr_size(begin) if begin.startswith(_HDR) else _tiff_size(file, page)
    if size is None or min(size) < 1:
        raise PictureError(f"{name} is damaged or cut short (no size); copy or download it again")
    return size


def read_light(data: bytes, name: str, policy: Policy = OPEN, page: int = 1) -> LightPicture:
    """Read a picture of light, of a TIFF a page, counted from 1.

    Raises
    ------
    MissingExtra
        Without the library that reads it.
    PolicyError, PictureError
        If it is too large, damaged, or has no colors.
    """
    is_tiff = data.startswith(tiff_pages.BEGIN)
    if page > 1:
        if not is_tiff:
            raise PictureError(f"{name} has no frame {page}; give a smaller number")
        with decoding(name):
            data = tiff_pages.page_first(data, page, name)
    width, height = light_size(io.BytesIO(data), name)
    if width * height > MAX_PIXELS:
        raise PictureError(f"{name} has {width}×{height} pixels; at most {MAX_PIXELS:,} in all are opened")
    policy.check_pixels((width, height), name)
    with decoding(name):
        values = (
            _exr_values(data, name)
            if data.startswith(_EXR)
            else _tiff_values(data, name)
            if is_tiff
            else _cv_values(data, name)
        )
    colors = values[..., :3] if values.shape[2] >= 3 else values[..., :1].repeat(3, axis=2)
    opacity = values[..., -1] if values.shape[2] in (2, 4) else None
    is_linear = not is_tiff
    if opacity is None:
        return LightPicture(levels_of(colors, name, is_linear=is_linear), None)
    opacity = np.clip(np.nan_to_num(opacity), 0, 1)
    if data.startswith(_EXR):  # its colors are multiplied by their opacity
        whole = np.maximum(opacity, np.float32(1e-6))[..., None]
        colors = np.where(opacity[..., None] > 0, colors / whole, np.float32(0))
    return LightPicture(levels_of(colors, name, is_linear=is_linear), np.rint(opacity * 255).astype(np.uint8))


def levels_of(values: Floats, name: str, *, is_linear: bool) -> Floats:
    """Return floats as gray levels from 0 to 255, and say how, unless that goes without saying.

    Parameters
    ----------
    is_linear
        Whether they are light for sure. If not, they are what most of them look like: shares from 0 to 1, levels
        of 8 bits or of 16, or else light.
    """
    finite = np.isfinite(values)
    if not finite.all():
        log.warning(
            "%s has pixels that are no finite numbers; they are shown as black or as its brightest", name
        )
    brightest = float(values.max(initial=0, where=finite))
    values = np.nan_to_num(values, nan=0.0, posinf=brightest, neginf=0.0)
    peak, mean = float(values.max(initial=0)), float(values.mean()) if values.size else 0.0
    if not is_linear:
        if peak <= 1:
            return np.clip(values, 0, 1) * np.float32(255)
        if peak <= 256 and mean > 2:
            return np.clip(values, 0, 255)
        if peak <= 65536 and mean > 512:
            return np.clip(values / np.float32(257), 0, 255)
    if peak <= 1:
        log.info("%s is light from 0 to %.3g, and is shown as it is, in sRGB", name, peak)
        return _encoded(values)
    text = "%s is light up to %.3g, which no screen shows; it is toned (Reinhard et al., 2002)"
    log.warning(text, name, peak)
    return _encoded(_toned(values))


def _toned(light: Floats) -> Floats:
    """Return light within 0 to 1, its mean gray and its brightest white (Reinhard et al., 2002, equation 4)."""
    light = np.maximum(light, 0)
    luma = light @ _LUMA if light.shape[-1] == 3 and light.ndim == 3 else light
    key = float(np.exp(np.mean(np.log(luma + np.float32(1e-6)), dtype=np.float64)))
    scaled = luma * np.float32(_GRAY / key)
    white = max(float(scaled.max(initial=0)), 1.0)
    shown = scaled * (1 + scaled / np.float32(white) / np.float32(white)) / (1 + scaled)
    ratio = shown / np.maximum(luma, 1e-12)
    return light * (ratio[..., None] if light.ndim > luma.ndim else ratio)


def _encoded(light: Floats) -> Floats:
    """Return light from 0 to 1 in gray levels of sRGB (IEC 61966-2-1)."""
    light = np.clip(light, 0, 1).astype(np.float32)
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** np.float32(1 / 2.4) - 0.055)
    return (curve * 255).astype(np.float32)


def _hdr_size(begin: bytes) -> tuple[int, int] | None:
    found = re.search(rb"\n\n-Y (\d{1,7}) \+X (\d{1,7})\n", begin)
    return (int(found[2]), int(found[1])) if found else None


def light_pages(file: BinaryIO) -> int:
    """Return how many pages an open picture of light has: 1, but of a TIFF, where they are counted as far as they can be."""
    try:
        with decoding("the picture"):
            return max(1, tiff_pages.page_count(file))
    except PictureError:
        return 1
    finally:
        file.seek(0)


def _tiff_size(file: BinaryIO, page: int = 1) -> tuple[int, int] | None:
    """Return (width, height) of a TIFF's page of floats that Pillow does not read; None for any other."""
    try:
        with decoding("the picture"):
            # If it has no such page, whoever reads it says so.
            tags = tiff_pages.page_tags(file, page) or tiff_pages.page_tags(file)
            if tags is None or tags.get(Tag.SampleFormat, (1,))[0] != _FLOATS:
                return None
            if tags.get(Tag.SamplesPerPixel, 1) < 2 and tags.get(Tag.BitsPerSample, (32,))[0] == 32:
                return None
            return int(tags[Tag.ImageWidth]), int(tags[Tag.ImageLength])
    except PictureError:  # whoever opens it as a picture says so
        return None
    finally:
        file.seek(0)


def _tiff_values(data: bytes, name: str) -> Floats:
    """Decode a TIFF's first page; returns H×W×C."""
    tags = tiff_pages.page_tags(io.BytesIO(data))
    planes = None if tags is None else tiff_pages.planes_of(data, tags)
    if planes is None:
        return _cv_values(data, name)
    return np.dstack([_cv_values(each, name) for each in planes[:4]])


def _cv_values(data: bytes, name: str) -> Floats:
    """Decode a Radiance HDR or a TIFF; returns H×W×C, C of 1, 3 or 4."""
    try:
        import cv2
    except ImportError:
        raise MissingExtra(
            f"{name}, a picture of floats,", "OpenCV", "hdr", "opencv-python-headless"
        ) from None
    with _quiet_opencv():
        try:
            values: Any = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:
            values = None
    if values is None or values.dtype.kind != "f":
        raise PictureError(
            f"{name} is damaged, or of floats in an order that is not read; save it as EXR or PNG"
        )
    values = np.atleast_3d(values)
    order = [2, 1, 0, 3][: values.shape[2]] if values.shape[2] > 2 else [0]  # OpenCV has blue first
    return np.asarray(values[..., order], np.float32)


@shared
@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from printing what it thinks of a file."""
    from cv2.utils import logging as talk

    before = talk.getLogLevel()
    talk.setLogLevel(talk.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        talk.setLogLevel(before)


@contextmanager
def _exr(data: bytes, name: str, *, header_only: bool = False) -> Iterator[Any]:
    """Open an EXR, which its library reads from files alone, and not without saying on the screen what it thinks of it."""
    try:
        import OpenEXR
    except ImportError:
        raise MissingExtra(f"{name}, an EXR,", "OpenEXR", "hdr") from None
    with tempfile.TemporaryDirectory(prefix="batcountry-") as folder, decoding(name):
        place = Path(folder) / "picture.exr"
        place.write_bytes(data)
        with _quiet(), OpenEXR.File(str(place), separate_channels=True, header_only=header_only) as file:
            yield file


@shared
@contextmanager
def _quiet() -> Iterator[None]:
    with redirect_stdout(io.StringIO()):
        yield


def _exr_size(data: bytes, name: str) -> tuple[int, int]:
    with _exr(data, name, header_only=True) as file:
        headers = [each.header for each in file.parts]
        sizes = [(int(right) - int(left) + 1, int(bottom) - int(top) + 1) for (left, top), (right, bottom) in (
            each["dataWindow"] for each in headers
        )]  # fmt: skip
        numbers = sum(
            max(0, w) * max(0, h) * len(each["channels"]) for (w, h), each in zip(sizes, headers, strict=True)
        )
        if not sizes or min(sizes[0]) < 1:
            raise PictureError(f"{name} is damaged or cut short (no pixels); copy or download it again")
        if numbers > _MOST_NUMBERS:  # all of it is decoded, whichever channels are wanted
            raise PictureError(
                f"{name} has {numbers:,} numbers in its channels; at most {_MOST_NUMBERS:,} are read"
            )
        return sizes[0]


def _exr_values(data: bytes, name: str) -> Floats:
    """Decode an EXR's first part; returns H×W×C: its gray or its colors, and its opacity if it has one."""
    with _exr(data, name) as file:
        channels = file.channels(0)
        known = {
            key.rsplit(".", 1)[-1].upper(): channels[key].pixels
            for key in sorted(channels, key=len, reverse=True)
        }
    letters = "RGB" if "R" in known else "Y"
    if not all(each in known for each in letters):
        raise PictureError(
            f"{name} has no channels R, G and B, and no Y; there are {', '.join(sorted(known))}"
        )
    planes = [np.asarray(known[each], np.float32) for each in [*letters, *("A" if "A" in known else "")]]
    if len({each.shape for each in planes}) > 1 or planes[0].ndim != 2:
        raise PictureError(f"{name} has channels of different sizes; save it with one size for all")
    return np.dstack(planes)


def picture_kind(data: bytes, name: str) -> str:
    """Return the suffix that fits a picture's bytes; raises `PictureError` if they are none."""
    if is_light(io.BytesIO(data)):
        return ".exr" if data.startswith(_EXR) else ".hdr" if data.startswith(_HDR) else ".tif"
    if is_heic(data[:32]):
        return ".heic"
    with decoding(name), open_image(io.BytesIO(data), name) as image:
        return {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2"}.get(
            image.format or "", f".{(image.format or 'png').lower()}"
        )
