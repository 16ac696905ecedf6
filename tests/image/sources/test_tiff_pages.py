"""TIFFs whose channels lie one after the other, and their pages; the files are put together here, number by number."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from batcountry.errors import PictureError
from batcountry.image.files import picture_size
from batcountry.image.reading import read_picture

LONG = 4


def tiff(path, array, *, order="<", photometric=2, sample_format=1, planar=True, tile=None):
    """Write an array, H×W or H×W×C, as a TIFF of strips or tiles of one channel after the other, or of all together."""
    values = np.atleast_3d(array).astype(array.dtype.newbyteorder(order))
    height, width, channels = values.shape
    planes = [values[..., index] for index in range(channels)] if planar else [values]
    if tile:
        cut = [
            np.pad(part, ((0, tile - part.shape[0]), (0, tile - part.shape[1])))
            for plane in planes
            for y in range(0, height, tile)
            for x in range(0, width, tile)
            for part in [plane[y : y + tile, x : x + tile]]
        ]
    else:
        cut = planes
    blocks = [each.tobytes() for each in cut]
    places = list(np.cumsum([8, *(len(each) for each in blocks)])[:-1])
    bits = array.dtype.itemsize * 8
    tags = {
        256: [width],
        257: [height],
        258: [bits] * channels,
        259: [1],
        262: [photometric],
        277: [channels],
    }
    tags |= {284: [1 + planar], 339: [sample_format] * channels}
    lengths = [len(each) for each in blocks]
    tags |= (
        {322: [tile], 323: [tile], 324: places, 325: lengths}
        if tile
        else {273: places, 278: [height], 279: lengths}
    )
    body = b"".join(blocks)
    at = 8 + len(body)
    entries = beside = b""
    for tag, numbers in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(numbers)}L", *numbers)
        if len(packed) > 4:
            beside, packed = (
                beside + packed,
                struct.pack(f"{order}L", at + 2 + 12 * len(tags) + 4 + len(beside)),
            )
        entries += struct.pack(f"{order}HHL", tag, LONG, len(numbers)) + packed
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(f"{order}L", at)
    path.write_bytes(head + body + struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + beside)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tile", [None, 16])
def test_channels_one_after_the_other_are_colors(photo, tmp_path, order, tile):
    deep = tiff(tmp_path / "deep.tif", photo.astype(np.uint16) * 257, order=order, tile=tile)
    assert np.array_equal(read_picture(deep).array(), photo)
    pytest.importorskip("cv2", reason="needs OpenCV, which the extra `hdr` brings")
    light = tiff(tmp_path / "light.tif", np.float32(photo) / 255, order=order, tile=tile, sample_format=3)
    assert np.abs(read_picture(light).pixels - photo).max() < 0.01


def test_channels_that_are_not_all_there_are_said(photo, tmp_path):
    path = tiff(tmp_path / "deep.tif", photo.astype(np.uint16) * 257)
    data = path.read_bytes()
    lost = struct.pack("<HHL", 273, LONG, 3)
    path.write_bytes(data.replace(lost, struct.pack("<HHL", 273, LONG, 2)))
    with pytest.raises(PictureError, match=r"deep\.tif is damaged"):
        read_picture(path)


def test_every_page_of_light_is_found_and_none_beyond(photo, tmp_path, caplog):
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV, which the extra `hdr` brings")
    path = tmp_path / "pages.tif"
    light = np.float32(photo[..., ::-1]) / 255
    cv2.imwritemulti(str(path), [light, light[:20] / 2])
    assert read_picture(path, frame=2).size == picture_size(path, 2) == (53, 20)
    assert np.abs(read_picture(path, frame=2).pixels - photo[:20] / 2).max() < 0.01
    assert not caplog.records
    assert read_picture(path).frames == 2
    assert "has 2 frames or pages, and the first is taken" in caplog.text
    with pytest.raises(PictureError, match="has no frame 3"):
        read_picture(path, frame=3)


@pytest.mark.parametrize("bits", [16, 32])
def test_levels_without_a_sign_reach_from_black_to_white(photo, tmp_path, bits):
    gray = photo[..., 0].astype(f"uint{bits}") << (bits - 8)
    path = tiff(tmp_path / "gray.tif", gray, photometric=1, planar=False)
    assert np.abs(read_picture(path).pixels[..., 0] - photo[..., 0]).max() <= 1
    inverse = tiff(tmp_path / "inverse.tif", gray, photometric=0, planar=False)
    if bits == 16:
        assert np.abs(read_picture(inverse).pixels[..., 0] - (255 - np.float32(photo[..., 0]))).max() <= 1


def test_light_without_measure_is_toned_without_a_warning(tmp_path):
    cv2 = pytest.importorskip("cv2", reason="needs OpenCV, which the extra `hdr` brings")
    light = np.linspace(0.1, 3, 300, dtype=np.float32).reshape(10, 10, 3)
    light[4, 5] = 3e30
    (tmp_path / "sun.tif").write_bytes(cv2.imencode(".tif", light)[1].tobytes())
    pixels = read_picture(tmp_path / "sun.tif").pixels
    assert np.isfinite(pixels).all()
    assert pixels[4, 5].min() > 250


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_size_is_that_of_the_picture_held_upright(photo, tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    for suffix in ("jpg", "png", "webp", "tif"):
        Image.fromarray(photo).save(tmp_path / f"a.{suffix}", exif=exif)
        picture = read_picture(tmp_path / f"a.{suffix}")
        assert (
            picture.size
            == picture_size(tmp_path / f"a.{suffix}")
            == ((53, 37) if orientation < 5 else (37, 53))
        )
