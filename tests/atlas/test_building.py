import json
import re
import sys

import pytest
from PIL import Image

from batcountry.atlas import building
from batcountry.atlas.atlas_kind import chosen
from batcountry.atlas.folder import CELL, read_index
from batcountry.backend.policy import OPEN
from batcountry.cli import main
from batcountry.errors import JobError, LayerNotFound, PictureError, RecipeError
from batcountry.image.files import picture_size, read_note
from batcountry.jobs import finish, resume
from batcountry.jobs.folder import WITHIN
from batcountry.recipe import Note
from children import COMMAND_LINE, killed_at

small = {"canvas": "24x40", "iterations": 2, "transforms": "jitter(3)"}


def made(out, model, layers=("*",), **more):
    *_, last = building(out, model, layers, **{"batch": 2, **small, **more})
    return last


def test_every_channel_has_a_picture_and_every_layer_a_sheet(tmp_path, model):
    last = made(tmp_path, model)
    assert (last.made, last.channels, last.done) == (15, 15, 1.0)
    index = json.loads((tmp_path / "atlas.json").read_text("utf-8"))
    assert [each["name"] for each in index["layers"]] == ["a/b", "a b", "end"]
    for layer in index["layers"]:
        assert layer["missing"] == []
        for channel in range(layer["channels"]):
            file = tmp_path / layer["folder"] / f"{channel}.jpg"
            assert picture_size(file) == (40, 24)
            recipe = Note.read(read_note(file)).recipe
            assert recipe.objective == layer["objective"].replace("{}", str(channel))
        assert picture_size(tmp_path / layer["sheet"]) == (3 * CELL, 2 * CELL)
    assert not list(tmp_path.rglob(".batcountry-*"))


def test_the_page_needs_nothing_else_and_names_cannot_break_it(tmp_path, model):
    made(tmp_path, model)
    page = (tmp_path / "index.html").read_text("utf-8")
    assert not re.search(r"https?://|src=[\"']//|@import|<link", page)
    assert page.count("</script>") == 1
    held = re.search(r"const atlas = (\{.*?\});\n", page)
    assert json.loads(held[1]) == json.loads((tmp_path / "atlas.json").read_text("utf-8"))
    assert json.loads(held[1])["layers"][2]["classes"][1] == "</script><b>"


def test_an_atlas_that_was_stopped_is_gone_on_with(tmp_path, model):
    steps = building(tmp_path, model, ["a/b"], batch=2, **small)
    while next(steps).made < 2:
        pass
    steps.close()
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.jpg")}
    assert len(before) == 2
    assert read_index(tmp_path)["layers"][0]["missing"] == [2, 3, 4]
    assert next(building(tmp_path, model, ["a/b"], batch=2, **small)).done > 0
    assert made(tmp_path, model, ["a/b", "end"]).made == 10
    assert all(file.stat().st_mtime_ns == when for file, when in before.items())
    assert made(tmp_path, model, ["end"]).made == 5
    assert len(read_index(tmp_path)["layers"]) == 2


@pytest.mark.parametrize("change", [{"iterations": 3}, {"seed": 1}, {"weights": "1" * 64}])
def test_pictures_of_other_kinds_are_not_mixed(tmp_path, model, change):
    made(tmp_path, model, ["end"])
    if "weights" in change:
        model.weights_sha256 = change.pop("weights")
    with pytest.raises(RecipeError, match="name another folder"):
        made(tmp_path, model, ["end"], **change)
    assert made(tmp_path, model, ["end"], max_memory="3GB").made == 5 if change else True


def test_patterns_choose_layers_in_running_order(model):
    assert chosen(model, ["end", "a?b"]) == ["a/b", "a b", "end"]
    assert chosen(model, []) == ["a b"]
    with pytest.raises(LayerNotFound, match="did you mean 'end'"):
        chosen(model, ["ende"])


@pytest.mark.parametrize("text", ["[]", "{", '{"format": 1}', '{"format": 1, "layers": [{"name": "a"}]}'])
def test_another_file_of_that_name_is_left_alone(tmp_path, model, text):
    (tmp_path / "atlas.json").write_text(text)
    with pytest.raises(PictureError, match="not the index of an atlas"):
        building(tmp_path, model, **small)
    assert (tmp_path / "atlas.json").read_text() == text


def test_names_of_files_from_an_index_cannot_leave_the_folder(tmp_path, model):
    made(tmp_path, model, ["end"])
    file = tmp_path / "atlas.json"
    file.write_text(file.read_text().replace("002-end", "../002-end"))
    with pytest.raises(PictureError, match="not the index"):
        building(tmp_path, model, ["end"], **small)


def test_nothing_is_made_for_a_layer_that_cannot_be_reached(tmp_path, model):
    with pytest.raises(RecipeError, match="crop cuts 50×50"):
        building(tmp_path / "new", model, **{**small, "transforms": "crop(50)"})
    with pytest.raises(RecipeError, match="at least one channel"):
        building(tmp_path / "new", model, batch=0, **small)
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_finished_channels_outlive_a_kill(tmp_path, monkeypatch, capsys):
    out = tmp_path / "atlas"
    arguments = ["atlas", "--layers", "stem", "--canvas", "16x24", "--iterations", "2", "--batch", "2"]
    arguments += ["--out", str(out)]
    assert killed_at(12, out / "channels", COMMAND_LINE, *arguments)
    before = {file: file.read_bytes() for file in out.rglob("channels/*/*.jpg")}
    assert 2 <= len(before) < 32
    for file in before:
        with Image.open(file) as image:
            image.load()
    monkeypatch.setattr(sys, "argv", ["bat-country", *arguments])
    with pytest.raises(SystemExit, match="0"):
        main()
    assert "32 channels" in capsys.readouterr().out
    assert len(list(out.rglob("channels/*/*.jpg"))) == 32
    assert all(file.read_bytes() == content for file, content in before.items())


def test_an_atlas_that_was_stopped_is_gone_on_with_by_its_own_name_and_batches_are_cut_at_the_same_places(
    tmp_path, model
):
    whole, out = tmp_path / "whole", tmp_path / "out"
    made(whole, model, ["a/b", "end"])
    steps = building(out, model, ["a/b", "end"], batch=2, **small)
    while next(steps).made < 2:
        pass
    steps.close()
    (out / "channels/000-a_b/1.jpg").unlink()  # as if killed between the two pictures of a batch
    (out / "channels/000-a_b/.batcountry-half.jpg").write_text("half a picture")
    assert (out / WITHIN).is_dir()
    finish(resume(out, policy=OPEN, objects={"model": model}))
    found = [
        {str(each.relative_to(root)): each.read_bytes() for each in files(root)} for root in (whole, out)
    ]
    assert found[0] == found[1]
    assert not (out / WITHIN).exists()


def test_the_same_call_takes_the_place_of_a_job_that_was_stopped_unless_that_is_at_work(tmp_path, model):
    first = building(tmp_path, model, ["a/b"], batch=2, **small)
    next(first)
    with pytest.raises(JobError, match="another process is at work"):
        building(tmp_path, model, ["end"], batch=2, **small)
    first.close()
    assert made(tmp_path, model, ["end"]).made == 5
    assert not (tmp_path / WITHIN).exists()


def files(root):
    return [each for each in root.rglob("*") if each.is_file()]
