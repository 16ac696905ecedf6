"""Picture files of all formats that are read, with their notes."""

from __future__ import annotations

import io
import random
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from batcountry.errors import BatCountryError
from batcountry.image.files import picture_size, read_note
from batcountry.image.picture import Picture
from batcountry.image.reading import read_picture
from batcountry.motion.jobs.metadata import note_of
from fuzz.damage import damaged_bytes
from fuzz.target import Target

NOTE = '{"version": "1", "recipe": {"layer": "blocks.5"}, "input": "Träume.png"}'
SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif", "GIF": ".gif", "AVIF": ".avif"}
SUFFIXES |= {"BMP": ".bmp", "PPM": ".ppm", "JPEG2000": ".jp2"}


@cache
def _stills() -> list[tuple[str, bytes]]:
    rgba = np.random.RandomState(0).randint(0, 255, (20, 28, 4)).astype(np.uint8)
    found = []
    for kind in ("PNG", "JPEG", "WEBP", "TIFF"):
        file = io.BytesIO()
        Picture(np.float32(rgba[..., :3]), None if kind == "JPEG" else rgba[..., 3], note=NOTE).save(
            file, kind
        )
        found.append((SUFFIXES[kind], file.getvalue()))
    image = Image.fromarray(rgba[..., :3])
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "held upright"
    for kind in ("JPEG", "PNG", "AVIF", "JPEG2000", "BMP", "PPM"):
        more = {"exif": exif} if kind in ("JPEG", "PNG", "AVIF") else {}
        found.append((SUFFIXES[kind], _saved(image, kind, **more)))
    for mode in ("1", "L", "P", "CMYK", "I;16", "F"):
        found.append(
            (
                ".tif",
                _saved(image.convert("L").convert(mode) if mode != "CMYK" else image.convert(mode), "TIFF"),
            )
        )
    found.append((".tif", _saved(image, "TIFF", compression="tiff_lzw")))
    found.append((".jpg", _saved(image, "JPEG", progressive=True)))
    return found


@cache
def _animations() -> list[tuple[str, bytes]]:
    draw = np.random.RandomState(1)
    frames = [Image.fromarray(draw.randint(0, 255, (16, 20, 4)).astype(np.uint8)) for _ in range(3)]
    return [
        (SUFFIXES[kind], _saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=50))
        for kind in ("GIF", "PNG", "WEBP", "TIFF", "AVIF")
    ]


@cache
def _light() -> list[tuple[str, bytes]]:
    import cv2
    import OpenEXR
    from pillow_heif import from_pillow

    light = np.random.RandomState(2).uniform(0, 12, (20, 28, 3)).astype(np.float32)
    found = [(suffix, cv2.imencode(suffix, light)[1].tobytes()) for suffix in (".hdr", ".tiff")]
    heic = io.BytesIO()
    from_pillow(Image.fromarray(np.uint8(light * 20))).save(heic, quality=80)
    found.append((".heic", heic.getvalue()))
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "light.exr"
        with OpenEXR.File(header, {"RGB": light}) as file:
            file.write(str(place))
        found.append((".exr", place.read_bytes()))
    return found


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _damaged(seeds: list[tuple[str, bytes]], draw: random.Random, folder: Path) -> Path:
    suffix, data = draw.choice(seeds)
    path = folder / f"picture{suffix}"
    path.write_bytes(damaged_bytes(data, draw))
    return path


def _all_ways(path: Path) -> None:
    """Read a picture in every way; each may refuse it."""
    for read in (read_picture, picture_size, read_note, note_of, _last_frame):
        try:
            read(path)
        except BatCountryError:
            continue


def _last_frame(path: Path) -> Picture:
    return read_picture(path, frame=3)


TARGETS = [
    Target("picture still", lambda draw, folder: _damaged(_stills(), draw, folder), _all_ways, 0.3),
    Target("picture animation", lambda draw, folder: _damaged(_animations(), draw, folder), _all_ways, 0.1),
    Target("picture of light", lambda draw, folder: _damaged(_light(), draw, folder), _all_ways, 0.1),
]
