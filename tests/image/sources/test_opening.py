"""Pictures of anybody: formats of a list, bounds for what stands beside the pixels, frames that are named."""

from __future__ import annotations

import io
import os
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

import batcountry
from batcountry.errors import BatCountryError, MissingExtra, PictureError
from batcountry.image.files import picture_size, read_note
from batcountry.image.reading import read_picture
from batcountry.image.sources.opening import is_heic

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n"


@pytest.fixture
def frames():
    draw = np.random.RandomState(5)
    return [Image.fromarray(draw.randint(0, 256, (18, 26, 3)).astype(np.uint8)) for _ in range(4)]


@pytest.fixture
def moving_file(frames, tmp_path):
    def write(suffix):
        path = tmp_path / f"moving{suffix}"
        exact = {".webp": {"lossless": True}, ".avif": {"quality": 100, "subsampling": "4:4:4"}}
        more = exact.get(suffix, {})
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=70, **more)
        return path

    return write


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def rationals(count):
    """EXIF whose one tag is of so many fractions, each of which Pillow makes an object."""
    tag = struct.pack(">HHLL", 0x9C9B, 5, count, 26)
    return b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + tag + bytes(4) + b"\0\0\0\1\0\0\0\2" * count


def chunks(count):
    return (struct.pack(">I", 0) + b"abCd" + struct.pack(">I", zlib.crc32(b"abCd"))) * count


def segments(data, count):
    """A JPEG's EXIF in as many pieces as its length asks for, `count` times, before its pixels."""
    pieces = [data[at : at + 65_000] for at in range(6, len(data), 65_000)]
    each = b"".join(b"\xff\xe1" + struct.pack(">H", 8 + len(piece)) + b"Exif\0\0" + piece for piece in pieces)
    return each * count


def test_postscript_under_a_picture_s_name_starts_no_program(tmp_path, monkeypatch):
    monkeypatch.setattr(
        EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("Ghostscript was started")
    )
    path = tmp_path / "photo.png"
    path.write_bytes(POSTSCRIPT)
    for read in (read_picture, picture_size, read_note, lambda each: batcountry.dream(each)):
        with pytest.raises(
            PictureError, match=r"photo\.png is not a picture in a format that is read, which are PNG"
        ):
            read(path)


@pytest.mark.parametrize("kind", ["SGI", "PCX", "ICO", "TGA"])
def test_what_is_not_on_the_list_is_not_read(frames, kind):
    with pytest.raises(PictureError, match="not a picture in a format"):
        read_picture(encoded(frames[0], kind))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "PPM", "AVIF", "JPEG2000"])
def test_what_is_on_the_list_is(frames, kind):
    assert read_picture(encoded(frames[0], kind)).size == (26, 18)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "JPEG"])
def test_megabytes_of_exif_are_refused_before_they_are_taken_apart(frames, tmp_path, kind, monkeypatch):
    monkeypatch.setattr(Image.Exif, "get_ifd", lambda *_: pytest.fail("the EXIF was taken apart"))
    data, exif = encoded(frames[0], kind), rationals(200_000)
    data = data[:2] + segments(exif, 1) + data[2:] if kind == "JPEG" else encoded(frames[0], kind, exif=exif)
    path = tmp_path / "photo"
    path.write_bytes(data)
    for read in (read_picture, read_note):
        with pytest.raises(
            PictureError, match=r"photo has 1,6\d\d,\d\d\d bytes of EXIF, and at most 1,048,576"
        ):
            read(path)


def test_as_much_exif_as_cameras_write_is_read(frames):
    exif = Image.Exif()
    exif[0x0112], exif[0x927C] = 6, b"maker" * 100_000
    assert read_picture(encoded(frames[0], "PNG", exif=exif)).size == (18, 26)


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(lambda png, *_: png[:33] + chunks(60_000) + png[33:], id="chunks before the pixels"),
        pytest.param(lambda png, *_: png[:-12] + chunks(150_000) + png[-12:], id="chunks behind the pixels"),
        pytest.param(lambda _, jpeg, *__: jpeg[:2] + b"\xff\xe5\0\2" * 60_000 + jpeg[2:], id="segments"),
        pytest.param(
            lambda _, jpeg, *__: jpeg[:2] + segments(rationals(125_000), 18) + jpeg[2:], id="98 MB of EXIF"
        ),
        pytest.param(
            lambda *all_of: all_of[2].replace(b",", b"!\xfe" + b"\1a" * 80_000 + b"\0,", 1),
            id="GIF's comment",
        ),
        pytest.param(lambda *all_of: tiff_of_strips(5_000_000), id="TIFF's strips"),
    ],
)
def test_what_goes_on_and_on_beside_the_pixels_is_refused(frames, hostile):
    data = hostile(*(encoded(frames[0], kind) for kind in ("PNG", "JPEG", "GIF")))
    with pytest.raises(PictureError, match="too much in it beside its pixels"):
        read_picture(data)


def tiff_of_strips(count):
    facts = [
        (256, 4, 1, 10),
        (257, 4, 1, 10),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, count, 200),
    ]
    facts += [(277, 3, 1, 1), (278, 4, 1, 10), (279, 4, count, 200)]
    tags = b"".join(struct.pack("<HHLL", *each) for each in facts)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(facts)) + tags + bytes(100) + b"\1\0\0\0" * count


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such devices here")
@pytest.mark.parametrize("name", ["/dev/zero", "pipe", "/proc/self/status", "."])
def test_what_is_no_plain_file_is_refused_as_picture_guide_and_mask(name, tmp_path, monkeypatch, photo):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    for read in (read_picture, picture_size, read_note):
        with pytest.raises(PictureError, match=r"no plain file|empty|folder"):
            read(name)
    for options in ({"guide": name}, {"mask": name}, {"objective": f'guide("{name}", "sum")'}):
        with pytest.raises(BatCountryError, match=r"no plain file|empty|folder"):
            batcountry.dream(photo, **options)


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".tif", ".avif"])
def test_a_frame_that_is_named_is_read_and_without_a_name_the_first_with_a_note(
    moving_file, frames, suffix, caplog
):
    path = moving_file(suffix)
    first = read_picture(path)
    assert first.frames == 4
    assert f"{path} has 4 frames or pages, and the first is taken" in caplog.text
    caplog.clear()
    third = read_picture(path, frame=3)
    assert not caplog.records
    for picture, shown in ((first, frames[0]), (third, frames[2])):
        assert np.abs(picture.pixels - np.float32(shown)).mean() < (
            12 if suffix in (".gif", ".avif") else 0.1
        )
    with pytest.raises(PictureError, match=f"moving{suffix} has no frame 5"):
        read_picture(path, frame=5)


def test_a_dream_on_an_animation_says_so_once_and_how_to_choose(moving_file, two_channels, caplog):
    options = {"model": two_channels, "octaves": 1, "iterations": 1}
    dream = batcountry.dream(moving_file(".gif"), **options)
    assert caplog.text.count("frames") == 1
    assert "has 4 frames or pages, and the first is dreamed on; choose another with --frame" in caplog.text
    assert "`bat-country video`" in caplog.text
    other = batcountry.dream(moving_file(".gif"), frame=3, **options)
    assert other.recipe.frame == 3
    assert np.abs(other.pixels - dream.pixels).mean() > 10


def test_a_tiff_s_pages_may_be_of_other_sizes(tmp_path, frames):
    frames[0].save(tmp_path / "p.tif", save_all=True, append_images=[frames[1].resize((11, 7))])
    assert picture_size(tmp_path / "p.tif", 2) == (11, 7)
    assert read_picture(tmp_path / "p.tif", frame=2).size == (11, 7)


def test_a_page_is_read_for_a_dream_on_disk_too(moving_file, frames):
    vips = pytest.importorskip("batcountry.image.vips")
    pytest.importorskip("pyvips", reason="needs pyvips, which the extra `big` brings")
    assert np.array_equal(vips.open_input(moving_file(".tif"), None, None, 3).numpy(), np.asarray(frames[2]))
    with pytest.raises(PictureError, match="has frames that are dreamed on in memory alone"):
        vips.open_input(moving_file(".png"), None, None, 3)


def test_a_heic_is_known_by_its_brand_and_read_or_its_extra_is_named(photo, tmp_path, monkeypatch):
    heif = pytest.importorskip("pillow_heif", reason="needs pillow-heif, which the extra `heic` brings")
    path = tmp_path / "photo.jpg"
    shown = Image.fromarray(photo).resize((64, 48))
    heif.from_pillow(shown).save(tmp_path / "photo.heic", quality=95)
    (tmp_path / "photo.heic").rename(path)
    picture = read_picture(path)
    assert picture.size == picture_size(path) == (64, 48)
    assert np.abs(picture.pixels - np.float32(shown)).mean() < 12
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtra, match=r"photo\.jpg, which is a HEIC, needs pillow-heif; .*'\.\[heic\]'"):
        read_picture(path)


def test_an_avif_is_no_heic():
    assert is_heic(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic\0\0\0\0")
    assert not is_heic(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif\0\0\0\0")
    assert not is_heic(b"\0\0\0\x18ftypisom\0\0\0\0")
