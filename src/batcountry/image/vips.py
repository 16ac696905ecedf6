"""Picture files of any size, streamed through libvips: in, out, and as a deep-zoom pyramid."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from batcountry.backend.files import LEFT_BEHIND, apply_umask, is_taken
from batcountry.backend.outputs import Output, check_folder_of_ours
from batcountry.backend.process_settings import shared
from batcountry.backend.reading import check_plain, open_plain
from batcountry.errors import MissingExtra, OutputError, PictureError
from batcountry.image.sizes import scaled_size
from batcountry.recipe.json_text import ascii_json

MAX_PIXELS = 1 << 34
"""Largest picture that is dreamed on: 131072×131072."""

_MAX_FILE = 1 << 40

_SAVED: dict[str, dict[str, Any]] = {
    ".tif": {"tile": True, "tile_width": 256, "tile_height": 256, "bigtiff": True, "compression": "deflate"},
    ".png": {"compression": 6},
    ".jpg": {"Q": 95},
    ".webp": {"Q": 95},
}
_SAVED |= {".tiff": _SAVED[".tif"], ".jpeg": _SAVED[".jpg"]}


_LOADERS = (
    (0, b"\x89PNG", "pngload"),
    (0, b"\xff\xd8\xff", "jpegload"),
    (0, b"II", "tiffload"),
    (0, b"MM", "tiffload"),
    (8, b"WEBP", "webpload"),
    (0, b"GIF8", "gifload"),
    (4, b"ftyp", "heifload"),
)
"""How files begin, from which byte on, and libvips' reader for them; these are made for untrusted files."""


def vips() -> Any:
    """Return the module pyvips.

    Raises
    ------
    MissingExtra
        If it is not installed.
    """
    try:
        import pyvips
    except (ImportError, OSError):
        raise MissingExtra(
            "a picture on disk, or a deep zoom,", "pyvips", "big", "'pyvips[binary]'"
        ) from None
    return pyvips


@contextmanager
def _said(what: str) -> Iterator[None]:
    """Turn what libvips says of an error into one sentence."""
    try:
        with uncached():
            yield
    except (OSError, vips().Error) as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        raise PictureError(f"{what}: {lines[-1].strip() if lines else type(error).__name__}") from None


@shared
@contextmanager
def uncached() -> Iterator[None]:
    """Keep libvips from caching, which would count as our memory."""
    before = vips().cache_get_max()
    vips().cache_set_max(0)
    try:
        yield
    finally:
        vips().cache_set_max(before)


def _opened(path: Path, frame: int = 1, **options: Any) -> Any:
    """Open a picture file, or a frame of it, with the one reader that its first bytes ask for.

    Raises `PictureError` if there is none, or it reads no frame but the first.

    libvips itself would also try readers that are not made for files of strangers.
    """
    with open_plain(path, most=_MAX_FILE, error=PictureError) as file:
        begin = file.read(12)
    loader = next((name for place, mark, name in _LOADERS if begin[place:].startswith(mark)), None)
    if loader is None:
        raise PictureError(
            f"{path} cannot be read as a picture: its format is not known; give a TIFF, PNG, JPEG or WebP"
        )
    if frame > 1 and loader in ("pngload", "jpegload"):
        raise PictureError(
            f"{path} has frames that are dreamed on in memory alone; shrink it, or save the frame by itself"
        )
    page = {"page": frame - 1} if frame > 1 else {}
    return getattr(vips().Image, loader)(str(path), **page, **options)


def open_input(path: Path, size: int | None, enlarge: int | None, frame: int = 1) -> Any:
    """Open a picture file, or one frame or page of it, upright, sRGB or as its profile says, of the size that a recipe asks for.

    Returns
    -------
    pyvips.Image
        With 3 bands, or 4 where there is transparency; 0–255 float, opened again with each call.

    Raises
    ------
    PictureError
        If it is no picture, damaged, or larger than `MAX_PIXELS`.
    """
    check_plain(path, most=_MAX_FILE, error=PictureError)
    with _said(f"{path} cannot be read as a picture"):
        image = _opened(path, frame, access="sequential", fail_on="truncated")
        if _orientation(image) > 1:
            image = _opened(path, frame, fail_on="truncated").autorot()
        if image.interpretation in ("rgb16", "grey16"):
            image = (image / 257).cast("uchar")
        if image.interpretation not in ("srgb", "rgb"):
            image = image.colourspace("srgb")
        bands = 4 if image.hasalpha() else 3
        if image.bands < 3:
            gray = image[0]
            image = gray.bandjoin([gray, gray] + ([image[1]] if bands == 4 else []))
        target = (image.width, image.height)
        if size and max(target) > size:
            target = scaled_size(target, size)
        if enlarge and max(target) < enlarge:
            target = scaled_size(target, enlarge)
        if target[0] * target[1] > MAX_PIXELS:
            raise PictureError(
                f"{path} would have {target[0]}×{target[1]} pixels; at most {MAX_PIXELS:,} in all are dreamed on"
            )
        if target != (image.width, image.height):
            image = image.resize(target[0] / image.width, vscale=target[1] / image.height, kernel="lanczos3")
        return image[:bands]


def size_of(path: Path, frame: int = 1) -> tuple[int, int]:
    """Return (width, height) of a picture file's frame, held upright, as its header says.

    Raises `PictureError` if it is no picture, or has no such frame that can be read.
    """
    with _said(f"{path} cannot be read as a picture"):
        image = _opened(path, frame)
        size = image.width, image.height
        return size[::-1] if _orientation(image) in _ON_ITS_SIDE else size


_ON_ITS_SIDE = (5, 6, 7, 8)


def _orientation(image: Any) -> int:
    """Return how a picture is turned, as EXIF counts it: 1 is upright."""
    return int(image.get("orientation")) if image.get_typeof("orientation") else 1


def note_of(path: Path) -> str | None:
    """Return the note inside a picture file, or None; raises `PictureError` if it is no picture."""
    with _said(f"{path} cannot be read as a picture"):
        image = _opened(path)
        names = ("png-comment-0-batcountry", "image-description")
        return next((image.get(name) for name in names if name in image.get_fields()), None)


def profile_of(image: Any) -> bytes | None:
    """Return an opened picture's color profile, or None."""
    return image.get("icc-profile-data") if "icc-profile-data" in image.get_fields() else None


def write_raw(image: Any, path: Path) -> None:
    """Write an opened picture's colors as a canvas holds them; raises `PictureError` if it is damaged."""
    with _said(f"{path} cannot be made of the picture"):
        image[:3].cast("float").rawsave(str(path))


def from_array(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> Any:
    """Open H×W×3 or H×W×4 bytes as 8-bit RGB."""
    return vips().Image.new_from_array(pixels).copy(interpretation="srgb")


def check_size(path: Path, size: tuple[int, int]) -> None:
    """Raise `PictureError` if a picture of (width, height) is too large for the format that a path names."""
    largest = {".jpg": 65_535, ".jpeg": 65_535, ".webp": 16_383}.get(path.suffix.lower())
    if largest and max(size) > largest:
        raise PictureError(
            f"{path.suffix[1:]} holds at most {largest} pixels a side, and the dream has {size[0]}×{size[1]}; "
            "end the output's name in .tif or .png"
        )


def save(image: Any, output: Output, *, note: str | None, icc: bytes | None) -> None:
    """Write a picture of any size, with its note and color profile inside, whole or not at all.

    TIFFs are tiled BigTIFFs. Raises `PictureError` if it cannot be written.
    """
    path = output.path
    kind = path.suffix.lower()
    image = image.copy()
    texts = _kept_as(kind, note) if note else {}
    for name, text in texts.items():
        image.set_type(vips().GValue.gstr_type, name, text)
    if icc:
        image.set_type(vips().GValue.blob_type, "icc-profile-data", icc)
    handle, temporary = tempfile.mkstemp(prefix=LEFT_BEHIND, suffix=kind, dir=path.parent)
    os.close(handle)
    try:
        with _said(f"cannot write {path}"):
            image.write_to_file(temporary, **_SAVED[kind])
            apply_umask(Path(temporary))
            output.put(Path(temporary))
    finally:
        Path(temporary).unlink(missing_ok=True)


def _kept_as(kind: str, note: str) -> dict[str, str]:
    """Return libvips' names for the places where a format keeps a note, with what stands there."""
    if kind == ".png":
        return {"png-comment-0-batcountry": note}
    if kind in (".tif", ".tiff"):
        return {"image-description": ascii_json(note)}
    return {"exif-ifd0-ImageDescription": ascii_json(note)}


def save_pyramid(image: Any, output: Output, title: str) -> None:
    """Write a deep-zoom pyramid and a page that shows it, as a folder, whole or not at all.

    The folder has `index.html`, which needs nothing but a browser, and `dream.dzi` with its
    tiles, which other deep-zoom viewers open.
    """
    from batcountry.image.deepzoom import page

    folder = output.path
    temporary = Path(tempfile.mkdtemp(prefix=LEFT_BEHIND, dir=folder.parent))
    try:
        with _said(f"cannot write {folder}"):
            image.dzsave(str(temporary / "dream"), suffix=".jpg[Q=90]", tile_size=510, overlap=1)
            (temporary / "index.html").write_text(page(title, image.width, image.height, 510, 1), "utf-8")
            temporary.chmod(0o755)
            output.overwrite = output.overwrite and _is_ours(folder)  # other files may have come into it
            output.put(temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


PYRAMID = re.compile(r"index\.html|dream\.dzi|dream_files")
"""Names in the folder of a deep-zoom pyramid."""


def check_pyramid(folder: Path, inputs: Iterable[Path | None] = (), *, overwrite: bool) -> None:
    """Raise `PictureError` unless a pyramid can be written there: a new folder, or with `overwrite` an older one's."""
    if overwrite and is_taken(folder):
        check_folder_of_ours(folder, PYRAMID, inputs)
    else:
        check_folder(folder)


def _is_ours(folder: Path) -> bool:
    try:
        check_folder_of_ours(folder, PYRAMID)
    except OutputError:
        return False
    return True


def check_folder(folder: Path) -> None:
    """Raise `PictureError` unless a folder can be made there, or is there and empty."""
    if is_taken(folder):
        raise PictureError(f"{folder} is there already and not empty; name a new folder")
    if not folder.parent.is_dir():
        raise PictureError(f"cannot make {folder}: there is no folder {folder.parent}; make it first")
