"""Pictures of many pixels are read at about the size that they are needed in, and within the memory that there is."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from batcountry.backend.memory_room import allowed_memory
from batcountry.errors import PictureError
from batcountry.image.reading import read_picture
from batcountry.image.sources import reduced
from batcountry.image.sources.reduced import FOR_FEATURES, Need

RNG = np.random.RandomState(3)
WIDTH, HEIGHT = 90, 61


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch):
    """Pictures of 2,000 pixels count as large, and strips have few rows."""
    monkeypatch.setattr(reduced, "LARGE", 2_000)
    monkeypatch.setattr(reduced, "_STRIP", 1_000)


def file_of(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def means(pixels: np.ndarray, factor: int) -> np.ndarray:
    """The means of squares of pixels, of those that there are at the edges."""
    rows, columns = (range(0, length, factor) for length in pixels.shape[:2])
    return np.array([[pixels[y : y + factor, x : x + factor].mean((0, 1)) for x in columns] for y in rows])


COLORS = RNG.randint(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
GRAY = RNG.randint(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
DEEP = RNG.randint(0, 65536, (HEIGHT, WIDTH)).astype(np.uint16)
LEVELS = RNG.randint(0, 2, (HEIGHT, WIDTH)).astype(bool)


@pytest.mark.parametrize(
    ("image", "pixels"),
    [
        (Image.fromarray(COLORS), COLORS),
        (Image.fromarray(GRAY), GRAY[..., None].repeat(3, 2)),
        (Image.fromarray(DEEP), DEEP[..., None].repeat(3, 2) / 257),
        (Image.fromarray(LEVELS), LEVELS[..., None].repeat(3, 2) * 255),
    ],
    ids=["RGB", "L", "16 bits", "1 bit"],
)
def test_a_large_picture_of_which_a_small_one_is_needed_is_one_of_means(image, pixels):
    picture = read_picture(file_of(image), need=Need(15))
    # 90 pixels are 6 times what is needed, and twice that is left.
    assert picture.size == (30, 21)
    assert np.abs(picture.pixels - means(pixels.astype(float), 3)).max() <= 1.0


def test_a_palette_is_looked_up_before_colors_are_averaged():
    image = Image.fromarray(GRAY % 3).convert("P")
    image.putpalette([255, 0, 0, 0, 255, 0, 10, 20, 250])
    shown = np.asarray(image.convert("RGB"), float)
    assert np.abs(read_picture(file_of(image), need=Need(15)).pixels - means(shown, 3)).max() <= 1.0


def test_opacity_is_averaged_too_and_what_cannot_be_seen_has_no_color():
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[:, 45:] = 255
    image = Image.fromarray(np.dstack([COLORS, alpha]))
    picture = read_picture(file_of(image), need=Need(15))
    assert (picture.alpha[:, :15] == 0).all() and (picture.alpha[:, 15:] == 255).all()
    assert np.abs(picture.pixels[:, 15:] - means(COLORS[:, 45:].astype(float), 3)).max() <= 1.0


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_turned_picture_is_upright_and_keeps_its_note(kind):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[270] = '{"recipe": {}}'
    data = file_of(Image.fromarray(COLORS[:60]), kind, exif=exif)
    picture = read_picture(data, need=Need(15))
    assert picture.size == (20, 30)
    assert np.abs(picture.pixels - np.rot90(means(COLORS[:60].astype(float), 3), -1)).max() <= 1.0
    assert picture.note == '{"recipe": {}}'
    assert read_picture(data).note == picture.note


def test_a_jpeg_is_decoded_at_a_smaller_size():
    data = file_of(Image.fromarray(COLORS).resize((360, 244)), "JPEG")
    assert read_picture(data, need=Need(15)).size == (45, 31)  # at an eighth, which is no longer large


def test_pictures_that_are_small_or_needed_large_are_read_whole():
    data = file_of(Image.fromarray(COLORS))
    small = file_of(Image.fromarray(COLORS[:20, :90]))
    for whole in (
        read_picture(data),
        read_picture(data, need=Need(23)),  # less than four times as large
        read_picture(small, need=Need(3)),
    ):
        assert whole.width == WIDTH
        assert (whole.pixels == COLORS[: whole.height]).all()


def test_for_features_as_many_pixels_are_left_as_a_picture_may_have():
    assert FOR_FEATURES.factor((90, 61)) == 2
    assert read_picture(file_of(Image.fromarray(COLORS)), need=FOR_FEATURES).size == (45, 31)
    assert FOR_FEATURES.factor((40, 50)) == 1


def test_a_picture_that_memory_has_no_room_for_is_refused_by_name(tmp_path):
    path = tmp_path / "much.png"
    path.write_bytes(file_of(Image.fromarray(COLORS)))
    with (
        allowed_memory("1MB"),
        pytest.raises(
            PictureError,
            match=r"much.png has 90×61 pixels, which take 1 MB of memory to read, and 0 MB of 1MB are left beside the [0-9,]+ MB of the program;",
        ),
    ):
        read_picture(path)


PEAK = """
import torch  # which is loaded when it is first needed, and is not what is measured
from PIL import Image
from batcountry.backend.allocator import peak_memory
from batcountry.image.reading import read_picture
from batcountry.image.sources.reduced import Need

before = peak_memory()
picture = read_picture("large.png", need=Need(64))
print(*picture.size, peak_memory() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_a_picture_of_one_bit_a_pixel_takes_about_a_byte_for_each(tmp_path):
    Image.new("1", (8000, 8000), 1).save(tmp_path / "large.png")
    run = subprocess.run(
        [sys.executable, "-c", PEAK], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    width, height, peak = (int(each) for each in run.stdout.split())
    assert (width, height) == (130, 130)
    assert peak < 100e6
