"""Pictures of light: EXR, Radiance HDR, float TIFF; the numbers from the formulas, in float64."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from batcountry.errors import MissingExtra, PictureError
from batcountry.image.files import picture_size, read_note
from batcountry.image.reading import read_picture

LUMA = np.array([0.2126, 0.7152, 0.0722])


def srgb(light):
    light = np.clip(np.float64(light), 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def reinhard(light):
    """Reinhard, Stark, Shirley, Ferwerda (2002): equations 1, 2 and 4, with the key 0.18 and the brightest as white."""
    light = np.float64(light)
    luma = light @ LUMA
    scaled = 0.18 / np.exp(np.log(luma + 1e-6).mean()) * luma
    shown = scaled * (1 + scaled / scaled.max() ** 2) / (1 + scaled)
    return light * (shown / luma)[..., None]


@pytest.fixture
def light():
    """Light from 0.01 to 12, 11×17×3."""
    return np.exp(np.random.RandomState(8).uniform(np.log(0.01), np.log(12), (11, 17, 3))).astype(np.float32)


@pytest.fixture
def write(tmp_path):
    def written(name, values):
        path = tmp_path / name
        if name.endswith(".exr"):
            exr = pytest.importorskip("OpenEXR", reason="needs OpenEXR, which the extra `hdr` brings")
            key = {1: "Y", 3: "RGB", 4: "RGBA"}[values.shape[2]]
            with exr.File({"type": exr.scanlineimage}, {key: np.squeeze(values)}) as file:
                file.write(str(path))
            return path
        cv2 = pytest.importorskip("cv2", reason="needs OpenCV, which the extra `hdr` brings")
        path.write_bytes(cv2.imencode(path.suffix, np.ascontiguousarray(values[..., ::-1]))[1].tobytes())
        return path

    return written


@pytest.mark.parametrize(("name", "within"), [("a.exr", 0.02), ("a.hdr", 2), ("a.tiff", 0.02)])
def test_light_beyond_white_is_toned_and_that_is_said(write, light, name, within, caplog):
    path = write(name, light)
    picture = read_picture(path)
    assert picture.size == picture_size(path) == (17, 11)
    exact = light > light.max(-1, keepdims=True) / 4  # in Radiance's files one exponent is for all three
    assert np.abs(picture.pixels - srgb(reinhard(light)))[exact].max() < within
    assert "which no screen shows; it is toned (Reinhard et al., 2002)" in caplog.text
    assert read_note(path) is None


def test_light_within_white_is_only_encoded(write, light, caplog):
    picture = read_picture(write("a.exr", light / 12))
    assert np.abs(picture.pixels - srgb(light / 12)).max() < 0.02
    assert "toned" not in caplog.text


def test_an_exr_s_opacity_is_kept_and_its_colors_are_not_multiplied_by_it(write, light):
    opacity = np.random.RandomState(2).uniform(0.2, 1, (11, 17, 1)).astype(np.float32)
    opacity[3, 4] = 0
    picture = read_picture(write("a.exr", np.dstack([light / 12 * opacity, opacity])))
    assert np.abs(np.float32(picture.alpha) - 255 * opacity[..., 0]).max() <= 0.5
    seen = opacity[..., 0] > 0
    assert np.abs(picture.pixels - srgb(light / 12))[seen].max() < 0.05


def test_a_gray_exr_is_gray(write, light):
    picture = read_picture(write("a.exr", light[..., :1] / 12))
    assert np.abs(picture.pixels - srgb(light[..., :1] / 12)).max() < 0.02


@pytest.mark.parametrize(("scale", "levels"), [(1 / 12, 255 / 12), (20, 20), (5000, 5000 / 257)])
def test_a_float_tiff_may_be_of_shares_or_of_levels(write, light, scale, levels, tmp_path):
    light = np.clip(light, 1, 12)
    picture = read_picture(write("a.tiff", light * np.float32(scale)))
    assert np.abs(picture.pixels - light * levels).max() < 0.02
    Image.fromarray(light[..., 0] * np.float32(scale)).save(tmp_path / "gray.tif")  # one channel is Pillow's
    assert np.abs(read_picture(tmp_path / "gray.tif").pixels[..., 1] - light[..., 0] * levels).max() <= 0.51


def test_what_is_no_number_is_no_light_and_that_is_said(write, light, caplog):
    odd = light.copy()
    odd[0, 0], odd[1, 1] = np.nan, np.inf
    picture = read_picture(write("a.exr", odd))
    assert np.isfinite(picture.pixels).all()
    assert picture.pixels[0, 0].max() == 0
    assert picture.pixels[1, 1].min() > 254
    assert "a.exr has pixels that are no finite numbers" in caplog.text
    caplog.clear()
    read_picture(write("b.exr", light))
    assert "finite" not in caplog.text


@pytest.mark.parametrize(("name", "library"), [("a.exr", "OpenEXR"), ("a.hdr", "cv2"), ("a.tiff", "cv2")])
def test_without_the_library_the_extra_is_named(write, light, name, library, monkeypatch):
    path = write(name, light)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=r"'\.\[hdr\]'"):
        read_picture(path)


@pytest.mark.parametrize("name", ["a.exr", "a.hdr", "a.tiff"])
def test_what_is_cut_short_is_said(write, light, name):
    path = write(name, light)
    path.write_bytes(path.read_bytes()[: 60 if name == "a.hdr" else 400])
    with pytest.raises(PictureError, match=r"a\.\w+ (is damaged|is not a picture)"):
        read_picture(path)


def test_a_size_beyond_the_bound_is_refused_before_anything_is_decoded(tmp_path):
    path = tmp_path / "a.hdr"
    path.write_bytes(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 65536 +X 65536\n" + bytes(100))
    with pytest.raises(PictureError, match="65536×65536 pixels"):
        read_picture(path)
