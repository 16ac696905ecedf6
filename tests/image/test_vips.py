"""What libvips says of picture files that are too large for Pillow."""

import pytest
from PIL import Image

from batcountry.image.files import picture_size

pytest.importorskip("pyvips", reason="needs pyvips, which the extra `big` brings")


@pytest.mark.parametrize(("turn", "size"), [(1, (40, 20)), (3, (40, 20)), (6, (20, 40)), (8, (20, 40))])
def test_the_size_of_a_picture_too_large_for_memory_is_that_of_the_upright_one(
    tmp_path, monkeypatch, turn, size
):
    exif = Image.Exif()
    exif[274] = turn
    Image.new("RGB", (40, 20)).save(tmp_path / "a.jpg", exif=exif)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # as if it were larger than Pillow opens
    assert picture_size(tmp_path / "a.jpg") == size
