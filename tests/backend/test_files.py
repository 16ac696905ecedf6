import os

import pytest

from batcountry.backend.files import is_taken, place, write_file
from batcountry.errors import OutputExists


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
