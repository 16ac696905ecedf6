import re
from pathlib import Path

import pytest

from batcountry.backend.outputs import Output, check_apart, check_folder_of_ours, free_name, is_same
from batcountry.errors import OutputError, PictureError, VideoError

NAMES = re.compile(r"\d{6}\.png")


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def written(text):
    path = Path("temporary")
    path.write_text(text)
    return path


def test_a_free_name_has_a_number_before_its_suffix():
    assert free_name(Path("a.png")) == Path("a.png")
    for name in ("a.png", "a-2.png", "tiles_blocks.5"):
        Path(name).touch()
    assert free_name(Path("a.png")) == Path("a-3.png")
    assert free_name(Path("tiles_blocks.5")) == Path("tiles_blocks.5-2")


@pytest.mark.parametrize("name", ["photo.png", "./there/../photo.png", "link.png", "hard.png"])
def test_an_input_is_known_by_any_name(name):
    Path("there").mkdir()
    Path("photo.png").touch()
    Path("link.png").symlink_to("photo.png")
    Path("hard.png").hardlink_to("photo.png")
    with pytest.raises(OutputError, match="never written over") as error:
        check_apart(Path(name), [None, Path("photo.png")])
    assert isinstance(error.value, PictureError) and isinstance(error.value, VideoError)
    check_apart(Path("other.png"), [Path("photo.png")])


def test_files_that_are_not_there_are_the_same_by_name_alone():
    assert is_same(Path("a.png"), Path("./a.png")) and not is_same(Path("a.png"), Path("b.png"))


def test_what_came_to_be_there_meanwhile_is_not_replaced_and_the_result_not_lost():
    output = Output(Path("a.txt"))
    Path("a.txt").write_text("somebody's")
    assert output.put(written("mine")) == output.path == Path("a-2.txt")
    assert (Path("a.txt").read_text(), Path("a-2.txt").read_text()) == ("somebody's", "mine")
    assert Output(Path("a.txt"), overwrite=True).put(written("mine")) == Path("a.txt")
    assert Path("a.txt").read_text() == "mine"


def test_resumed_work_replaces_what_it_wrote_and_nothing_else():
    record = Path("record.json")
    assert Output(Path("film.txt"), record=record).put(written("half")) == Path("film.txt")
    resumed = Output.resumed(Path("film.txt").absolute(), overwrite=False, record=record)
    assert resumed.is_own
    assert resumed.put(written("whole")) == Path("film.txt").absolute()
    Path("film.txt").write_text("edited by hand")
    resumed = Output.resumed(Path("film.txt").absolute(), overwrite=False, record=record)
    assert not resumed.is_own
    assert resumed.put(written("whole")).name == "film-2.txt"
    assert Path("film.txt").read_text() == "edited by hand"
    again = Output.resumed(Path("film.txt").absolute(), overwrite=False, record=record)
    assert again.path.name == "film-2.txt" and again.is_own


@pytest.mark.parametrize("text", ["", "no json", "{}", '{"path": 3, "versions": 4}', "[]"])
def test_a_damaged_record_gives_no_right_to_replace(text):
    Path("film.txt").write_text("somebody's")
    Path("record.json").write_text(text)
    output = Output.resumed(Path("film.txt"), overwrite=False, record=Path("record.json"))
    assert not output.is_own
    assert output.put(written("mine")).name == "film-2.txt"


def test_only_folders_with_nothing_but_our_names_may_be_replaced():
    Path("ours").mkdir()
    Path("ours/000001.png").touch()
    check_folder_of_ours(Path("ours"), NAMES)
    check_folder_of_ours(Path("nowhere"), NAMES)
    with pytest.raises(OutputError, match="has the input"):
        check_folder_of_ours(Path("ours"), NAMES, [Path("ours/000001.png")])
    Path("ours/diary.txt").touch()
    with pytest.raises(OutputError, match=r"diary\.txt"):
        check_folder_of_ours(Path("ours"), NAMES)
    with pytest.raises(OutputError, match="is a file"):
        check_folder_of_ours(Path("ours/diary.txt"), NAMES)


def test_a_second_stop_while_a_file_is_put_in_its_place_leaves_no_half(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("batcountry.backend.files.place", interrupted)
    from batcountry.backend.files import write_file

    with pytest.raises(KeyboardInterrupt):
        write_file(Path("a.txt"), b"text", overwrite=False)
    assert not list(Path().iterdir())
