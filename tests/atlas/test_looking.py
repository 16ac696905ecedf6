import json
import re

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from batcountry.atlas import looking, seen
from batcountry.atlas.looking import ActivationReport, heat
from batcountry.cli.atlas import app
from batcountry.errors import LayerNotFound, RecipeError
from batcountry.image.files import picture_size
from batcountry.image.reading import read_picture
from batcountry.objectives import parse

small = {"canvas": "16x16", "iterations": 1, "transforms": "jitter(3)"}


def red_at_the_right():
    pixels = np.full((24, 40, 3), 118, np.float32)
    pixels[:, 30:] = 240, 60, 60
    return read_picture(pixels)


def test_channels_are_ranked_by_what_is_above_the_usual():
    excitement = torch.zeros(4, 3, 5)
    excitement[2, 1, 4], excitement[1], excitement[3] = 6.0, 1.0, -9.0
    sight = ActivationReport("a", excitement)
    assert [each for each, _ in sight.strongest(3)] == [2, 1, 0]
    assert sight.strongest(1)[0][1] == pytest.approx((36 / 15) ** 0.5)


def test_a_place_is_named_by_the_channels_that_are_excited_there():
    excitement = torch.zeros(4, 3, 5)
    excitement[2, 1, 4], excitement[1, 1, 4], excitement[3] = 6.0, 2.0, 50.0
    places = ActivationReport("a", excitement).places()
    assert (len(places), len(places[0])) == (3, 5)
    assert str(places[1][4]) == '0.75*channel("a", 2) + 0.25*channel("a", 1)'
    assert len(ActivationReport("a", torch.zeros(4, 30, 50)).places()) == 5


def test_excitement_is_counted_in_deviations_from_noise(model):
    sight = seen(model, red_at_the_right(), "a/b")
    assert sight.excitement.shape == (5, 24, 40)
    noise = seen(model, read_picture(np.full((24, 40, 3), 118, np.float32)), "a/b")
    assert float(noise.excitement.abs().mean()) < 0.5
    assert float(sight.excitement[:, :, 35].mean()) != pytest.approx(
        float(sight.excitement[:, :, 5].mean()), abs=0.1
    )


def test_heat_lights_the_place_and_darkens_the_rest():
    picture = red_at_the_right()
    excitement = torch.zeros(6, 10)
    excitement[:, 8:] = 3.0
    lit = heat(picture, excitement).astype(float)
    assert lit.shape == (24, 40, 3)
    assert lit[:, 36:, 0].mean() > 200
    assert lit[:, :20].mean() < 60


def test_a_look_is_a_folder_with_a_page(tmp_path, model):
    *_, last = looking(red_at_the_right(), tmp_path / "look", model, "a/b", top=3, **small)
    assert last == 1.0
    facts = json.loads((tmp_path / "look" / "look.json").read_text("utf-8"))
    assert len(facts["channels"]) == 3
    for each in facts["channels"]:
        assert picture_size(tmp_path / "look" / each["heat"]) == (40, 24)
        assert parse(each["objective"]).layers == ("a/b",)
    assert picture_size(tmp_path / "look" / facts["grid"]) == (8 * 16, 5 * 16)
    page = (tmp_path / "look" / "index.html").read_text("utf-8")
    assert json.loads(re.search(r"const look = (\{.*?\});\n", page)[1]) == facts
    assert not re.search(r"https?://|@import|<link", page)


def test_what_cannot_be_looked_at_is_said_before_anything_is_written(tmp_path, model):
    for layer, error, said in [("end", RecipeError, "has no places"), ("nd", LayerNotFound, "did you mean")]:
        with pytest.raises(error, match=said):
            looking(red_at_the_right(), tmp_path / "look", model, layer, **small)
    with pytest.raises(RecipeError, match="at least one channel"):
        looking(red_at_the_right(), tmp_path / "look", model, top=0, **small)
    assert not (tmp_path / "look").exists()


def test_the_command_writes_it(tmp_path):
    red_at_the_right().save(tmp_path / "red.png")
    command = [
        "look",
        str(tmp_path / "red.png"),
        "--layer",
        "stem",
        "--top",
        "2",
        "--out",
        str(tmp_path / "look"),
    ]
    done = CliRunner().invoke(
        app, [*command, "--canvas", "16x16", "--iterations", "1"], catch_exceptions=False
    )
    assert done.exit_code == 0
    assert "to see it" in done.output
    assert (tmp_path / "look" / "index.html").is_file()
