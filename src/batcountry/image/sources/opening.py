"""Opening pictures that may be anybody's: formats of a list of ours, and bounds for all that stands before the pixels."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import Base as Tag

from batcountry.backend.process_settings import ignored_warnings
from batcountry.errors import BatCountryError, MissingExtra, PictureError

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "PPM", "AVIF", "JPEG2000")
"""Pillow's names of the formats that it is asked for. It knows more, of which some start programs or are hardly kept."""

KNOWN = "PNG, JPEG, WebP, TIFF, GIF, BMP, PPM, AVIF, JPEG 2000, HEIC, EXR and Radiance HDR"
"""The same for people, with what other readers bring."""

MAX_PIXELS = 178_956_970
"""Largest picture that is opened: what would take 0.5 GB as 8-bit RGB."""

MAX_HEADER = 16 << 20
"""Most bytes that may stand before the pixels: notes of cameras and programs, color profiles, small previews."""

MAX_EXIF = 1 << 20
"""Longest EXIF that is read, in bytes. Each of its numbers becomes an object, so more of it takes seconds."""

MOST_PAGES = 1000
"""Most pages of a TIFF that are counted; a chain of them may have no end."""

_HEADER_READS, _MOST_READS = 100_000, 2_000_000
_BOUNDS = (
    "batcountry_bounds"  # where an opened picture keeps its file, which Pillow forgets after the first frame
)

_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1")


class BoundedFile(io.RawIOBase):
    """An open file that refuses to be read in more pieces than a picture of its size has.

    Decoders written in Python go through a file piece by piece, and a hostile one has millions. While the header is read the
    bytes count too, except those of a decoder that takes the whole file at once.

    Parameters
    ----------
    file
        Where the bytes come from.
    name
        What the sentence names.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        super().__init__()
        self._file, self._name = file, name
        self._bytes, self._reads = MAX_HEADER, _HEADER_READS

    def opened(self, piece: int = 64) -> None:
        """Begin with the pixels, or with the next frame's: pieces of so many bytes on the average will do."""
        here = self._file.tell()
        size = self._file.seek(0, io.SEEK_END)
        self._file.seek(here)
        self._bytes, self._reads = 16 * size + MAX_HEADER, _HEADER_READS + min(size // piece, _MOST_READS)

    def read(self, size: int | None = -1) -> bytes:
        """Read as any file; raises `PictureError` for too many pieces or too long a header."""
        data = self._file.read(-1 if size is None else size)
        self._reads -= 1
        if size is not None and size >= 0:
            self._bytes -= len(data)
        if self._bytes < 0 or self._reads < 0:
            raise PictureError(
                f"{self._name} has too much in it beside its pixels (at most {MAX_HEADER >> 20} MB in {_HEADER_READS:,} "
                "pieces are read); save it without its notes"
            )
        return data

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Seek as any file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Tell as any file."""
        return self._file.tell()


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Turn what Pillow raises on a file that is no picture, or a damaged one, into one sentence."""
    try:
        with ignored_warnings():
            yield
    except UnidentifiedImageError:
        raise PictureError(
            f"{name} is not a picture in a format that is read, which are {KNOWN}; or it is damaged"
        ) from None
    except Image.DecompressionBombError:
        raise PictureError(f"{name} has more than {MAX_PIXELS:,} pixels; shrink it first") from None
    except MemoryError:
        raise PictureError(f"{name} does not fit into memory; shrink it first") from None
    except BatCountryError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
        raise PictureError(f"{name} is damaged or cut short ({error}); copy or download it again") from None


def open_image(file: BinaryIO, name: str) -> Image.Image:
    """Open a picture file, its header alone; to be called, and its result used, within `decoding`.

    Raises
    ------
    MissingExtra
        For a HEIC without the library that reads it.
    PictureError
        If too much stands before the pixels. Besides, what Pillow raises.
    """
    bounded = BoundedFile(file, name)
    begin = file.read(32)
    file.seek(0)
    image = _heic(bounded, name) if is_heic(begin) else Image.open(bounded, formats=FORMATS)  # type: ignore[arg-type]
    vars(image)[_BOUNDS] = bounded
    begin_frame(image)
    _mend_transparency(image)
    exif = image.info.get("exif") or b""
    if len(exif) > MAX_EXIF:
        raise PictureError(
            f"{name} has {len(exif):,} bytes of EXIF, and at most {MAX_EXIF:,} are read; save it without"
        )
    return image


def begin_frame(image: Image.Image) -> None:
    """Give the next frame of an opened picture the bounds that a whole picture has: each reads at least 64 KB.

    A GIF is counted and decoded in pieces of a few bytes; 64 bytes on the average will do for every other format.
    """
    vars(image)[_BOUNDS].opened(2 if image.format == "GIF" else 64)


_RAW_LEVELS = {"L;2": 85, "L;4": 17}
"""Pillow's names of how gray levels of few bits lie in a file, and by what they are multiplied."""


def _mend_transparency(image: Image.Image) -> None:
    """Bring the one level or color that a PNG says is transparent to the bits that its pixels are decoded to."""
    clear, raw = image.info.get("transparency"), str(image.tile[0][3]) if image.tile else ""  # type: ignore[attr-defined]
    if isinstance(clear, int) and raw in _RAW_LEVELS:
        image.info["transparency"] = min(255, clear * _RAW_LEVELS[raw])
    elif isinstance(clear, tuple) and raw == "RGB;16B":
        image.info["transparency"] = tuple(each >> 8 for each in clear)


def noted_tags(tags: Mapping[int, Any]) -> Image.Exif:
    """Return, of a TIFF's tags, what is read of them later: how it is turned, and its description."""
    exif = Image.Exif()
    for tag in (Tag.Orientation, Tag.ImageDescription):
        if tag in tags:
            exif[tag] = tags[tag]
    return exif


def is_heic(begin: bytes) -> bool:
    """Whether a file begins as HEIC photos do: with a list of brands, one of which is theirs and none AVIF's."""
    if begin[4:8] != b"ftyp":
        return False
    brands = {begin[8:12], *(begin[at : at + 4] for at in range(16, len(begin) - 3, 4))}
    return begin[8:12] in _HEIC_BRANDS and not brands & {b"avif", b"avis"}


def _heic(file: Any, name: str) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        raise MissingExtra(f"{name}, which is a HEIC,", "pillow-heif", "heic") from None
    heif: Any = HeifImageFile
    image: Image.Image = heif(file)
    return image


_WITH_FRAMES = ("GIF", "PNG", "WEBP", "AVIF", "TIFF")


def frame_count(data: bytes, name: str) -> int:
    """Return how many frames or pages a picture file has; 1 for the formats that have one, and of a TIFF 1000 at most.

    What cannot be counted, as it is damaged further on, is 1.
    """
    try:
        with decoding(name):
            image = open_image(io.BytesIO(data), name)
            if not getattr(image, "is_animated", False) or image.format not in _WITH_FRAMES:
                return 1
            return _pages(image) if image.format == "TIFF" else int(image.n_frames)  # type: ignore[attr-defined]
    except PictureError:
        return 1


def _pages(image: Image.Image) -> int:
    """Count a TIFF's pages one by one, at most `MOST_PAGES`."""
    for count in range(1, MOST_PAGES):
        try:
            image.seek(count)
        except EOFError:
            return count
    return MOST_PAGES


def at_frame(image: Image.Image, frame: int, name: str) -> None:
    """Go to a frame or page, counted from 1; raises `PictureError` if there are not as many."""
    try:
        # Each frame of a GIF is drawn over the one before, so all of them are gone through.
        for index in range(1 if image.format == "GIF" else frame - 1, frame):
            begin_frame(image)
            image.seek(index)
    except (EOFError, ValueError):
        raise PictureError(f"{name} has no frame {frame}; give a smaller number") from None
