"""Folders: made, looked through, and held by one process alone."""

import os
import subprocess
import sys

import pytest
from PIL import Image

from batcountry.backend.folders import check_makeable, exclusive_lock, make_folder, pictures_in
from batcountry.errors import OutputError, PictureError, RecipeError
from children import child


def test_a_folder_is_made_with_all_above_it_and_may_be_there(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_that_cannot_be_made_is_said_with_its_name(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PictureError, match=r"cannot make the folder .*file.b: Not a directory"):
        make_folder(tmp_path / "file" / "b")


def test_whether_a_folder_can_be_made_is_asked_without_making_it(tmp_path):
    check_makeable(tmp_path)
    check_makeable(tmp_path / "a" / "b")
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_of_a_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "a" / "b"):
        with pytest.raises(PictureError, match=r"cannot make the folder .*: .*file is a file"):
            check_makeable(folder)


def test_a_link_to_nowhere_is_in_the_way_too(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(PictureError, match="link is a file"):
        check_makeable(tmp_path / "link" / "a")


@pytest.mark.parametrize("lacks", [os.W_OK, os.X_OK])
def test_a_folder_without_permission_to_write_is_named(tmp_path, monkeypatch, lacks):
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & lacks)
    with pytest.raises(
        PictureError, match=rf"cannot write into .*new.*: no permission to write in {tmp_path}"
    ):
        check_makeable(tmp_path / "new")


def test_relative_folders_are_looked_for_where_the_program_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_makeable(type(tmp_path)("a/b"))


def test_pictures_are_files_with_suffixes_of_pictures_in_order(tmp_path):
    for name in ("c.PNG", "a.jpg", "b.webp"):
        Image.new("RGB", (3, 5)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "folder.png").mkdir()
    assert [each.name for each in pictures_in(tmp_path)] == ["a.jpg", "b.webp", "c.PNG"]


@pytest.mark.parametrize(
    ("name", "said"), [("", "has no pictures in it"), ("nowhere", "there is no folder .*nowhere")]
)
def test_a_folder_without_pictures_is_refused(tmp_path, name, said):
    with pytest.raises(PictureError, match=said):
        pictures_in(tmp_path / name)


HOLD = """
import sys
from pathlib import Path
from batcountry.errors import RecipeError
from batcountry.backend.folders import exclusive_lock
with exclusive_lock(Path(sys.argv[1]), RecipeError):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_folder_is_held_by_one_process_until_that_ends_or_dies(tmp_path):
    holding = [sys.executable, "-c", HOLD, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with child(holding, **pipes) as process:
        assert process.stdout.readline() == "held\n"
        for refusal in (RecipeError, OutputError):
            with (
                pytest.raises(refusal, match="another process is at work in"),
                exclusive_lock(tmp_path, refusal),
            ):
                raise AssertionError("held twice")
        process.kill()
        process.wait()
        with exclusive_lock(tmp_path, RecipeError):
            pass


def test_a_folder_is_let_go_of_after_an_error(tmp_path):
    with pytest.raises(KeyError), exclusive_lock(tmp_path, RecipeError):
        raise KeyError
    with exclusive_lock(tmp_path, RecipeError):
        pass
