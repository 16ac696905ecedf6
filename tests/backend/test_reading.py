import os
from pathlib import Path

import pytest

from batcountry.backend.reading import check_plain, open_plain, read_plain
from batcountry.errors import ModelError, PictureError


def test_a_plain_file_is_read_whole(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"three")
    assert read_plain(path, most=5, error=ModelError) == b"three"
    with open_plain(path, most=5, error=ModelError) as file:
        assert file.read(2) == b"th"


@pytest.mark.parametrize("error", [ModelError, PictureError])
def test_a_file_of_more_bytes_than_are_taken_is_refused_with_both_numbers(tmp_path, error):
    path = tmp_path / "file"
    path.write_bytes(b"123456")
    with pytest.raises(error, match="has 6 bytes, and at most 5 are read"):
        check_plain(path, most=5, error=error)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_pipe_that_nobody_writes_to_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelError, match="is no plain file"):
        read_plain(tmp_path / "pipe", most=100, error=ModelError)


@pytest.mark.parametrize("name", ["/dev/zero", "/proc/self/environ", "/proc/self/mem", "/proc"])
def test_what_is_not_a_plain_file_is_refused(name):
    if not Path(name).exists():
        pytest.skip(f"this system has no {name}")
    with pytest.raises(ModelError, match=r"no plain file|is a folder|is empty|cannot be read"):
        read_plain(Path(name), most=1 << 40, error=ModelError)


@pytest.mark.parametrize(
    ("name", "said"),
    [("none", "there is no file"), ("a\0b", "cannot be read"), ("x" * 300, "cannot be read")],
)
def test_what_cannot_be_opened_is_said_in_a_sentence(tmp_path, name, said):
    with pytest.raises(PictureError, match=said):
        read_plain(tmp_path / name, most=100, error=PictureError)


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    (tmp_path / "empty").touch()
    with pytest.raises(PictureError, match="is empty"):
        read_plain(tmp_path / "empty", most=100, error=PictureError)
