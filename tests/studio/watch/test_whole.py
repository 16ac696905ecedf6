"""Files that end as files of their kind do, and those that break off."""

import pytest

from batcountry.errors import PictureError
from batcountry.studio.watch.whole import is_whole

from .conftest import picture_bytes


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_picture_that_breaks_off_is_not_whole(tmp_path, kind):
    data, path = picture_bytes(kind=kind, size=(120, 90)), tmp_path / "picture"
    for length in (20, len(data) // 2, len(data) - 3):
        path.write_bytes(data[:length])
        assert not is_whole(path), length
    path.write_bytes(data)
    assert is_whole(path)


def test_a_film_is_whole_with_all_its_boxes(tmp_path):
    box = lambda name, data=b"": (8 + len(data)).to_bytes(4, "big") + name + data  # noqa: E731
    data = box(b"ftyp", b"isom") + box(b"mdat", b"x" * 50)
    path = tmp_path / "film.mp4"
    for part in (data[:40], data, data + box(b"moov", b"y" * 30)[:-4]):
        path.write_bytes(part)
        assert not is_whole(path)
    path.write_bytes(data + box(b"moov", b"y" * 30))
    assert is_whole(path)


@pytest.mark.parametrize(
    "data", [b"\0\0\0\1ftypisom", b"\0\0\0\2ftyp" + b"\0" * 40, b"x", b"RIFF", b"\xff\xd8\xff"]
)
def test_any_bytes_have_an_answer(tmp_path, data):
    (tmp_path / "file").write_bytes(data)
    assert is_whole(tmp_path / "file") in (True, False)


def test_nothing_and_a_folder_cannot_be_opened(tmp_path):
    (tmp_path / "empty").touch()
    for name in ("empty", "none", "."):
        with pytest.raises(PictureError):
            is_whole(tmp_path / name)
