import hashlib
import os

import pytest

from batcountry.backend.files import is_taken, place, replace_file, sha256_of, write_file
from batcountry.errors import OutputExists
from children import killing


def test_a_file_is_written_whole_and_in_place_of_nothing(tmp_path):
    path = tmp_path / "a.txt"
    write_file(path, b"one", overwrite=False)
    with pytest.raises(OutputExists, match="is there already"):
        write_file(path, b"two", overwrite=False)
    assert path.read_bytes() == b"one"
    write_file(path, b"two", overwrite=True)
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_without_hard_links_keeps_what_is_there_too(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "a.txt"
    write_file(path, b"one", overwrite=False)
    with pytest.raises(OutputExists):
        write_file(path, b"two", overwrite=False)
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_to_nowhere_is_not_written_through(tmp_path):
    link = tmp_path / "link.txt"
    link.symlink_to(tmp_path / "nowhere.txt")
    assert is_taken(link)
    with pytest.raises(OutputExists):
        write_file(link, b"one", overwrite=False)
    assert not (tmp_path / "nowhere.txt").exists()


def test_a_folder_takes_the_place_of_an_empty_one_and_of_another_only_if_it_may(tmp_path):
    def made(text):
        folder = tmp_path / "new"
        folder.mkdir()
        (folder / "a.txt").write_text(text)
        return folder

    there = tmp_path / "there"
    there.mkdir()
    assert not is_taken(there)
    place(made("one"), there, overwrite=False)
    with pytest.raises(OutputExists):
        place(made("two"), there, overwrite=False)
    assert (there / "a.txt").read_text() == "one"
    place(tmp_path / "new", there, overwrite=True)
    assert (there / "a.txt").read_text() == "two"
    assert list(tmp_path.iterdir()) == [there]


def test_the_hash_of_a_file_is_that_of_all_its_bytes(tmp_path):
    for count in (0, 5, 1 << 20, (1 << 20) + 3):
        data = os.urandom(count)
        (tmp_path / "a").write_bytes(data)
        assert sha256_of(tmp_path / "a") == hashlib.sha256(data).hexdigest()


def test_pieces_are_written_one_after_the_other_in_place_of_what_is_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"something longer than what comes")
    replace_file(path, b"one ", memoryview(b"two"), b"")
    assert path.read_bytes() == b"one two"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_whole_leaves_what_was_there_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one")
    with pytest.raises(TypeError):
        replace_file(path, b"half of it", "no bytes")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_at_a_name_before_the_file_is_whole(tmp_path):
    """Killed before any operation on files in the folder, what is there is the old file or the new one."""
    program = "import sys; from pathlib import Path; from batcountry.backend.files import replace_file\n"
    program += "replace_file(Path(sys.argv[1]), b'new' * 1000)"
    path, operation = tmp_path / "a.txt", 0
    with killing("batcountry.backend.files") as killed_at:
        while True:
            operation += 1
            path.write_bytes(b"old")
            if not killed_at(operation, tmp_path, program, str(path)):
                break
            assert path.read_bytes() in (b"old", b"new" * 1000)
    assert operation > 2
    assert path.read_bytes() == b"new" * 1000


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_others_may_read_a_file_as_they_may_any_that_the_user_makes(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_file(tmp_path / "a.txt", b"one", overwrite=False)
        assert os.umask(mask) == mask  # it is as it was
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o666 & ~mask


def test_the_name_may_be_taken_between_a_look_and_the_writing(tmp_path, monkeypatch):
    """On a disk without hard links, too, what another process made a moment ago is not replaced."""
    path = tmp_path / "a.txt"

    def late(*_):
        path.write_bytes(b"theirs")
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(OutputExists):
        write_file(path, b"ours", overwrite=False)
    assert path.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_that_was_reserved_and_could_not_be_given_is_free_again(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("no")

    monkeypatch.setattr(os, "link", fail)
    monkeypatch.setattr(type(tmp_path), "replace", fail)
    with pytest.raises(OSError, match="no"):
        write_file(tmp_path / "a.txt", b"ours", overwrite=False)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_placed_is_no_other_error_than_the_systems(tmp_path):
    (tmp_path / "new").mkdir()
    with pytest.raises(FileNotFoundError):
        place(tmp_path / "new", tmp_path / "nowhere" / "there", overwrite=False)


def test_a_file_takes_the_place_of_a_folder_never(tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(OutputExists):
        write_file(tmp_path / "there", b"one", overwrite=False)
    (tmp_path / "new").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputExists):
        place(tmp_path / "new", tmp_path / "file", overwrite=False)
