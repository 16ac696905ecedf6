import hashlib
import io

import numpy as np
import pytest
from PIL import Image

from batcountry.errors import PictureError
from batcountry.image.picture import Picture
from batcountry.image.reading import read_picture


@pytest.fixture
def file(photo, tmp_path):
    Image.fromarray(photo).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.mark.parametrize("made", [bytes, bytearray, memoryview, io.BytesIO])
def test_bytes_and_what_holds_them_are_the_file(file, photo, made):
    picture = read_picture(made(file.read_bytes()))
    assert np.array_equal(picture.array(), photo)
    assert picture.source is None and picture.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_an_open_file_is_read_from_its_beginning_and_known_by_its_name(file, photo):
    with file.open("rb") as stream:
        stream.read(10)
        picture = read_picture(stream)
        assert np.array_equal(read_picture(stream).array(), photo)
    assert picture.source == str(file)


class Pipe(io.RawIOBase):
    """A file that can only be read on."""

    def __init__(self, data):
        self.data = io.BytesIO(data)

    def readable(self):
        return True

    def read(self, count=-1):
        return self.data.read(count)


def test_what_cannot_be_rewound_is_read_on(file, photo):
    assert np.array_equal(read_picture(Pipe(file.read_bytes())).array(), photo)


def test_what_is_no_picture_is_refused_with_what_to_do(file):
    with pytest.raises(PictureError, match="open it with mode 'rb'"):
        read_picture(io.StringIO("text"))
    with pytest.raises(PictureError, match="0 bytes"):
        read_picture(io.BytesIO())
    with pytest.raises(PictureError, match="the picture is not a picture in a format"):
        read_picture(b"this is a letter")
    closed = file.open("rb")
    closed.close()
    with pytest.raises(PictureError, match=r"cannot be read: .*closed"):
        read_picture(closed)


@pytest.mark.parametrize("format", ["PNG", "jpg", "JPEG", "webp", "TIFF"])
def test_pictures_are_written_into_open_files_with_their_note(photo, format):
    out = io.BytesIO()
    assert Picture(np.float32(photo), note='{"a": 1}').save(out, format) is None
    with Image.open(io.BytesIO(out.getvalue())) as image:
        assert image.format == {"JPG": "JPEG"}.get(format.upper(), format.upper()) and image.size == (53, 37)
    assert read_picture(out).note.replace(" ", "") == '{"a":1}'


def test_an_open_file_with_a_name_says_its_format(photo, tmp_path):
    with (tmp_path / "a.webp").open("wb") as out:
        Picture(np.float32(photo)).save(out)
    with Image.open(tmp_path / "a.webp") as image:
        assert image.format == "WEBP"


def test_without_a_format_or_with_an_unknown_one_it_says_which_there_are(photo, tmp_path):
    picture = Picture(np.float32(photo))
    with pytest.raises(PictureError, match="give format, one of PNG, JPEG, WEBP, TIFF"):
        picture.save(io.BytesIO())
    with pytest.raises(PictureError, match="'gif': give one of PNG"):
        picture.save(io.BytesIO(), "gif")
    with (tmp_path / "a").open("w") as text, pytest.raises(PictureError, match="mode 'wb'"):
        picture.save(text, "PNG")


def test_a_format_goes_before_a_names_suffix(photo, tmp_path):
    path = Picture(np.float32(photo)).save(tmp_path / "picture", format="PNG")
    with Image.open(path) as image:
        assert image.format == "PNG" and path == tmp_path / "picture"
