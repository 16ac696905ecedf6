"""TIFF files taken apart: their pages, and channels that lie one after the other, which no reader here puts together."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO

import numpy as np
from PIL import Image
from PIL.ExifTags import Base as Tag
from PIL.TiffImagePlugin import ImageFileDirectory_v2 as Tags

from batcountry.errors import PictureError
from batcountry.image.sources.opening import MOST_PAGES, BoundedFile, noted_tags, open_image

BEGIN = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How TIFF files begin."""

_PLACES = (Tag.StripOffsets, Tag.TileOffsets)
_LENGTHS = (Tag.StripByteCounts, Tag.TileByteCounts)
_KEPT = (
    *(Tag.ImageWidth, Tag.ImageLength, Tag.Compression, Tag.FillOrder, Tag.Predictor),
    *(Tag.RowsPerStrip, Tag.TileWidth, Tag.TileLength),
)
_PLANES, _BLACK_IS_ZERO = 2, 1


def page_tags(file: BinaryIO, page: int = 1) -> Tags | None:
    """Return the tags of a page, counted from 1, of an open file; None if it is no TIFF, or has no such page.

    To be called within `decoding`.
    """
    return next(islice(_pages(file), page - 1, page), None)


def page_count(file: BinaryIO) -> int:
    """Return how many pages an open TIFF has, at most `MOST_PAGES`; to be called within `decoding`."""
    return sum(1 for _ in islice(_pages(file), MOST_PAGES))


def _pages(file: BinaryIO) -> Iterator[Tags]:
    file.seek(0)
    begin = file.read(16)
    if not begin.startswith(BEGIN):
        return
    bounded: Any = BoundedFile(file, "the picture")
    place, seen = Tags(_header(begin)).next, set[int]()
    while place and place not in seen:
        seen.add(place)
        tags = Tags(_header(begin))
        file.seek(place)
        tags.load(bounded)
        yield tags
        place = tags.next


def page_first(data: bytes, page: int, name: str) -> bytes:
    """Return a TIFF file with a page, counted from 1, as its first; raises `PictureError` if there are not as many."""
    tags = Tags(_header(data))
    place = tags.next
    if page > 1:
        before = page_tags(io.BytesIO(data), page - 1)
        place = before.next if before is not None else 0
    if not place:
        raise PictureError(f"{name} has no frame {page}; give a smaller number")
    return _leading_to(data, place)


def planes_of(data: bytes, tags: Tags) -> list[bytes] | None:
    """Return a TIFF of one channel for each channel of a page that has them one after the other; None for any other.

    To be called within `decoding`; raises `ValueError` if channels are missing.
    """
    count = int(tags.get(Tag.SamplesPerPixel, 1))
    if int(tags.get(Tag.PlanarConfiguration, 1)) != _PLANES or count < 2:
        return None
    places, lengths = (next((tags[tag] for tag in of if tag in tags), ()) for of in (_PLACES, _LENGTHS))
    each = len(places) // count
    if not each or len(places) % count or len(lengths) != len(places):
        raise ValueError("its channels are not all there")
    kept = {tag: _whole(tags[tag]) for tag in _KEPT if tag in tags}
    found = []
    for index in range(count):
        some = slice(index * each, (index + 1) * each)
        own = kept | {
            Tag.BitsPerSample: (tags[Tag.BitsPerSample][index],),
            Tag.SamplesPerPixel: (1,),
            Tag.PlanarConfiguration: (1,),
            Tag.PhotometricInterpretation: (_BLACK_IS_ZERO,),
        }
        own[Tag.SampleFormat] = (tags.get(Tag.SampleFormat, (1,))[0],)
        own |= {tag: tags[tag][some] for tag in (*_PLACES, *_LENGTHS) if tag in tags}
        at = len(data) + len(data) % 2
        found.append(_leading_to(data.ljust(at, b"\0") + _directory(own, data, at), at))
    return found


def _whole(value: Any) -> tuple[int, ...]:
    return tuple(int(each) for each in (value if isinstance(value, tuple) else (value,)))


def _directory(tags: dict[int, tuple[int, ...]], data: bytes, at: int) -> bytes:
    """Return a page's tags as they stand at a place in a file like `data`: all numbers are long ones, and no page follows.

    Pillow's own writer counts the places of strips from the end of the tags.
    """
    order, is_big = (">" if data[:2] == b"MM" else "<"), 43 in data[2:4]
    kind, number, count = (16, "Q", "Q") if is_big else (4, "L", "H")
    width, entry = struct.calcsize(f"{order}{number}"), struct.Struct(f"{order}HH{number}")
    beside_at = at + struct.calcsize(f"{order}{count}") + len(tags) * (entry.size + width) + width
    entries = beside = b""
    for tag, values in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}{number}", *values)
        if len(packed) > width:
            place = struct.pack(f"{order}{number}", beside_at + len(beside))
            beside, packed = beside + packed, place
        entries += entry.pack(tag, kind, len(values)) + packed
    return struct.pack(f"{order}{count}", len(tags)) + entries + bytes(width) + beside


def merged_planes(image: Image.Image, data: bytes, name: str) -> Image.Image:
    """Return an opened TIFF with channels of 16 bits one after the other as its channels of 8; any other as it is.

    Pillow would take what lies in each channel for all of them. To be called within `decoding`.
    """
    tags: Any = getattr(image, "tag_v2", None)
    if image.format != "TIFF" or tags is None or max(tags.get(Tag.BitsPerSample, (1,))) != 16:
        return image
    planes = planes_of(data, tags)
    if planes is None or len(planes) < len(image.getbands()):
        return image
    channels = [open_image(io.BytesIO(each), name) for each in planes[: len(image.getbands())]]
    merged = Image.merge(
        image.mode, [Image.fromarray((np.asarray(each) >> 8).astype(np.uint8)) for each in channels]
    )
    merged.info = {**image.info, "exif": noted_tags(tags).tobytes()}
    return merged


def _header(data: bytes) -> bytes:
    return data[: 16 if 43 in data[2:4] else 8]


def _leading_to(data: bytes, place: int) -> bytes:
    """Return a TIFF file whose first page is described at a place."""
    order = ">" if data[:2] == b"MM" else "<"
    if 43 in data[2:4]:
        return data[:8] + struct.pack(f"{order}Q", place) + data[16:]
    return data[:4] + struct.pack(f"{order}L", place) + data[8:]
