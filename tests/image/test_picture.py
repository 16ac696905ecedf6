import json
import os
import struct
import sys
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from batcountry.errors import MissingExtra, PictureError
from batcountry.image.array_picture import DataPicture
from batcountry.image.files import SUFFIXES, check_writable, decode, picture_size, read_note
from batcountry.image.picture import Picture
from batcountry.image.reading import read_picture

srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
note = '{"text": "Träume – 夢"}'


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif"])
def test_note_and_profile_come_back_from_every_format(photo, tmp_path, suffix):
    picture = Picture(np.float32(photo), icc=srgb, note=note)
    path = picture.save(tmp_path / f"dream{suffix}")
    assert json.loads(read_note(path)) == json.loads(note)
    again = read_picture(path)
    assert again.icc == srgb
    assert again.size == (53, 37)
    if suffix in (".png", ".tif"):
        assert np.array_equal(again.array(), photo)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_alpha_is_kept_where_the_format_has_it(photo, tmp_path, suffix):
    alpha = np.uint8(np.indices((37, 53)).sum(0))
    path = Picture(np.float32(photo), alpha=alpha).save(tmp_path / f"a{suffix}")
    assert np.array_equal(read_picture(path).alpha, alpha)


def test_jpeg_is_written_without_alpha_and_says_so(photo, tmp_path, caplog):
    path = Picture(np.float32(photo), alpha=np.zeros((37, 53), np.uint8)).save(tmp_path / "a.jpg")
    assert read_picture(path).alpha is None
    assert "no transparency" in caplog.text


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16"]
)
def test_every_mode_opens_as_rgb(photo, mode):
    source = Image.fromarray(photo)
    if mode == "I;16":
        image = Image.fromarray(np.uint16(np.asarray(source.convert("L"))) * 257)
    elif mode == "LAB":
        image = ImageCms.profileToProfile(
            source, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    else:
        image = source.convert(mode)
    pixels = read_picture(image).pixels
    assert pixels.shape == (37, 53, 3) and pixels.dtype == np.float32
    if mode in ("L", "I;16", "F"):
        gray = np.asarray(source.convert("L"), np.float32)
        np.testing.assert_allclose(pixels[..., 1], gray, atol=1)
    if mode in ("RGB", "RGBA", "CMYK"):
        np.testing.assert_allclose(pixels, photo, atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(photo, tmp_path, orientation):
    turned = {
        1: photo, 2: photo[:, ::-1], 3: photo[::-1, ::-1], 4: photo[::-1], 5: photo.transpose(1, 0, 2),
        6: np.rot90(photo, 1), 7: np.rot90(photo, 2).transpose(1, 0, 2), 8: np.rot90(photo, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(turned)).save(tmp_path / "r.png", exif=exif)
    assert np.array_equal(read_picture(tmp_path / "r.png").array(), photo)


def test_a_transparent_palette_becomes_alpha(tmp_path):
    image = Image.new("P", (53, 37), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.save(tmp_path / "p.png", transparency=1)
    picture = read_picture(tmp_path / "p.png")
    assert picture.alpha is not None and not picture.alpha.any()
    assert (picture.array() == (0, 0, 255)).all()


def test_sixteen_bit_files_keep_their_brightness(tmp_path):
    gray = np.uint16(np.linspace(0, 65535, 37 * 53).reshape(37, 53))
    Image.fromarray(gray).save(tmp_path / "g.png")
    np.testing.assert_allclose(read_picture(tmp_path / "g.png").pixels[..., 0], gray / 257, atol=1)


def test_arrays_and_tensors_are_taken_as_they_are(photo):
    assert np.array_equal(read_picture(np.float32(photo)).pixels, photo)
    assert np.array_equal(read_picture(torch.from_numpy(photo)).pixels, photo)
    assert np.array_equal(read_picture(torch.from_numpy(photo).permute(2, 0, 1).float()).pixels, photo)
    np.testing.assert_allclose(read_picture(np.uint16(photo) * 257).pixels, photo, atol=1e-3)


@pytest.mark.parametrize(
    "bad", [np.zeros((5, 7, 2)), np.zeros((0, 7, 3)), np.full((5, 7, 3), np.nan), np.array("x"), 3, None]
)
def test_what_is_no_picture_is_refused(bad):
    with pytest.raises(PictureError):
        read_picture(bad)


@pytest.fixture
def bad_files(tmp_path, photo):
    Image.fromarray(photo).save(tmp_path / "whole.png")
    data = (tmp_path / "whole.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.jpg").write_text("this is a letter, not a picture")
    (tmp_path / "empty.png").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cut.png", "cut short"),
        ("text.jpg", "not a picture"),
        ("empty.png", "0 bytes"),
        ("none.png", "no file"),
        (".", "folder"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(bad_files, name, said):
    with pytest.raises(PictureError, match=said) as caught:
        read_picture(bad_files / name)
    assert str(bad_files / name) in str(caught.value)


def test_a_picture_larger_than_the_bound_is_refused_before_it_is_decoded():
    import io

    out = io.BytesIO()
    Image.new("1", (40000, 40000)).save(out, "PNG")
    with pytest.raises(PictureError, match=r"shrink it|pixels"):
        decode(out.getvalue(), "bomb.png")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP"]), st.integers(0, 2**31 - 1), st.data())
def test_damaged_files_are_refused_or_read_but_never_crash(kind, seed, data):
    import io

    out = io.BytesIO()
    Image.fromarray(np.random.RandomState(0).randint(0, 255, (13, 17, 3)).astype(np.uint8)).save(out, kind)
    content = bytearray(out.getvalue())
    random = np.random.RandomState(seed)
    for at in random.randint(0, len(content), 6):
        content[at] = random.randint(256)
    content = content[: data.draw(st.integers(1, len(content)))]
    try:
        with decode(bytes(content), "x") as image:
            read_picture(image)
    except PictureError:
        pass


def test_a_picture_that_only_libvips_opens_asks_for_its_extra_and_is_not_called_damaged(
    photo, tmp_path, monkeypatch
):
    Image.fromarray(photo).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    monkeypatch.setitem(sys.modules, "pyvips", None)
    with pytest.raises(MissingExtra, match="pyvips"):
        picture_size(tmp_path / "a.png")


def test_a_picture_that_does_not_fit_into_memory_is_not_called_damaged(monkeypatch):
    monkeypatch.setattr(Image, "open", lambda *_, **__: [0] * sys.maxsize)
    with pytest.raises(PictureError, match="x does not fit into memory"):
        decode(b"", "x")


@pytest.mark.parametrize("name", ["x.bmp", "x", "none/x.png", "."])
def test_a_place_that_cannot_be_written_is_found_out_first(tmp_path, name):
    with pytest.raises(PictureError, match="cannot write"):
        check_writable(tmp_path / name)


@pytest.mark.parametrize("name", ["dream.png", "dream.npy"])
def test_what_is_there_is_replaced_only_on_request(photo, tmp_path, name):
    picture = (Picture if name == "dream.png" else DataPicture)(np.float32(photo))
    (tmp_path / name).write_bytes(b"old")
    with pytest.raises(PictureError, match=r"is there already.*overwrite=True"):
        picture.save(tmp_path / name)
    assert (tmp_path / name).read_bytes() == b"old"
    assert picture.save(tmp_path / name, overwrite=True) == tmp_path / name
    assert (tmp_path / name).read_bytes() != b"old"
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_failed_write_leaves_nothing_and_keeps_the_old_file(photo, tmp_path, monkeypatch):
    target = tmp_path / "dream.png"
    target.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(PictureError, match="No space left"):
        Picture(np.float32(photo)).save(target, overwrite=True)
    assert [each.name for each in tmp_path.iterdir()] == ["dream.png"]
    assert target.read_bytes() == b"old"


def test_files_are_written_with_the_usual_permissions(photo, tmp_path):
    path = Picture(np.float32(photo)).save(tmp_path / "dream.png")
    mask = os.umask(0)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask


def test_writing_twice_gives_the_same_bytes(photo, tmp_path):
    for suffix in SUFFIXES:
        picture = Picture(np.float32(photo), note=note)
        first = picture.save(tmp_path / f"a{suffix}").read_bytes()
        assert picture.save(tmp_path / f"b{suffix}").read_bytes() == first


def test_fitting_shrinks_the_longer_side_and_never_enlarges(photo):
    picture = read_picture(photo)
    assert picture.fitted(20).size == (20, 14)
    assert picture.fitted(100) is picture


def test_numpy_sees_what_it_sees_of_the_pil_image(photo):
    alpha = np.uint8(np.indices((37, 53)).sum(0))
    for picture in (Picture(np.float32(photo)), Picture(np.float32(photo), alpha=alpha)):
        assert np.array_equal(np.asarray(picture), np.asarray(picture.image()))
        assert np.asarray(picture).dtype == np.uint8
        assert np.asarray(picture, dtype=float).dtype == float
        assert np.array(picture) is not np.array(picture)
    with pytest.raises(ValueError, match="copy"):
        np.array(Picture(np.float32(photo)), copy=False)


def test_names_that_pil_has_mean_the_same(photo):
    for picture in (Picture(np.float32(photo)), Picture(np.float32(photo), alpha=photo[..., 0])):
        image = picture.image()
        assert (picture.size, picture.width, picture.height) == (image.size, image.width, image.height)
        assert picture.mode == image.mode
        box = (3, 5, 20, 31)
        assert np.array_equal(np.asarray(picture.crop(box)), np.asarray(image.crop(box)))
        small, wanted = picture.resize((20, 15)), image.resize((20, 15), Image.Resampling.LANCZOS)
        assert small.size == wanted.size and small.mode == image.mode
        np.testing.assert_allclose(
            small.array(), np.asarray(wanted)[..., :3], atol=12 if picture.alpha is not None else 1
        )


def test_a_part_or_another_size_is_a_picture_of_its_own(photo, tmp_path):
    path = Picture(np.float32(photo), note=note).save(tmp_path / "a.png")
    picture = read_picture(path)
    for other in (picture.crop((0, 0, 9, 9)), picture.resize((9, 9))):
        assert other.note is None and other.source is None and other.sha256 not in ("", picture.sha256)
    assert picture.note and picture.size == (53, 37)


@pytest.mark.parametrize("box", [(0, 0, 54, 37), (-1, 0, 5, 5), (5, 5, 5, 9)])
def test_a_part_that_is_not_there_is_refused(photo, box):
    with pytest.raises(PictureError, match="has no part"):
        read_picture(photo).crop(box)
    with pytest.raises(PictureError, match="a width and a height"):
        read_picture(photo).resize((0, 5))


def test_it_tells_its_size_and_where_it_is_from(photo, tmp_path):
    assert repr(Picture(np.float32(photo))) == "Picture(53×37, RGB)"
    path = Picture(np.float32(photo), alpha=photo[..., 0], note=note).save(tmp_path / "a.png")
    assert repr(read_picture(path)) == f"Picture(53×37, RGBA, source={str(path)!r}, with a note)"


def test_the_recipe_of_a_dream_is_there_after_it_was_stored(photo, tmp_path):
    import batcountry

    made = batcountry.dream(photo, octaves=1, iterations=1, seed=4)
    assert made.recipe.seed == 4
    assert read_picture(made.save(tmp_path / "dream.png")).recipe == made.recipe
    assert read_picture(photo).recipe is None


def test_a_films_frame_has_no_recipe_of_its_own_and_a_damaged_one_is_said(photo):
    from batcountry.errors import RecipeError

    assert Picture(np.float32(photo), note='{"recipe": {"kind": "zoom"}}').recipe is None
    with pytest.raises(RecipeError, match="damaged"):
        _ = Picture(np.float32(photo), note='{"recipe": {}}').recipe


def test_it_is_shown_by_the_desktops_viewer_or_that_is_said(photo, monkeypatch):
    from PIL import ImageShow

    shown = []
    monkeypatch.setattr(
        ImageShow, "_viewers", [type("V", (), {"show": lambda _, image, **__: shown.append(image) or 1})()]
    )
    read_picture(photo).show()
    assert shown[0].size == (53, 37)
    monkeypatch.setattr(ImageShow, "_viewers", [])
    with pytest.raises(PictureError, match="no program here that shows pictures"):
        read_picture(photo).show()


def test_a_name_that_is_too_long_is_refused(photo, tmp_path):
    with pytest.raises(PictureError, match="name too long"):
        read_picture(photo).save(tmp_path / f"{'x' * 300}.png")


@pytest.mark.parametrize(
    ("bits", "color", "row", "clear"),
    [
        (2, 0, b"\xd0", b"\0\3"),  # 3, 1, 0
        (4, 0, b"\xf2\x10", b"\0\x0f"),
        (16, 0, b"\x12\x34\x12\x35\0\0", b"\x12\x34"),
        (16, 2, b"\x12\0\x34\1\x56\2" + b"\x12\0\x34\1\x66\2" + b"\0\0" * 3, b"\x12\0\x34\1\x56\2"),
    ],
)
def test_a_clear_level_of_a_png_is_clear_at_every_depth(bits, color, row, clear):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 1, bits, color, 0, 0, 0))
    body = chunk(b"tRNS", clear) + chunk(b"IDAT", zlib.compress(b"\0" + row)) + chunk(b"IEND", b"")
    picture = read_picture(b"\x89PNG\r\n\x1a\n" + header + body)
    assert picture.alpha.tolist() == [[0, 255, 255]]
