import json

import pytest
from typer.testing import CliRunner

from batcountry import dreaming, presets
from batcountry.cli import application
from batcountry.errors import RecipeError
from batcountry.recipe import Note, Recipe
from batcountry.settling import settle


@pytest.mark.parametrize("name", list(presets.known))
def test_every_preset_is_a_recipe_that_can_be_settled(name, two_channels):
    settled = settle(Recipe(), {"preset": name, "model": two_channels})
    for key, value in presets.known[name].items():
        assert getattr(settled.recipe, key) == value
    assert "preset" not in Recipe.model_fields


def test_classic_is_what_happens_if_nothing_is_said(two_channels):
    plain, classic = (
        settle(Recipe(), {"model": two_channels, **more}) for more in ({}, {"preset": "classic"})
    )
    assert plain.recipe == classic.recipe


def test_options_go_over_the_preset_and_the_preset_over_a_recipe(two_channels):
    settled = settle(
        Recipe(seed=5, iterations=3), {"preset": "class", "canvas": "32x48", "model": two_channels}
    )
    assert (settled.recipe.seed, settled.recipe.canvas, settled.recipe.param) == (5, "32x48", "soft-fourier")
    assert settled.recipe.iterations == presets.known["class"]["iterations"]


def test_the_recipe_in_the_picture_is_the_expanded_one(two_channels):
    step = next(iter(dreaming(model=two_channels, preset="thumbnail", canvas="24x40", iterations=1)))
    recipe = Note.read(step.picture().note).recipe
    assert (recipe.param, recipe.canvas, recipe.optimizer) == ("soft-fourier", "24x40", "adam")


def test_an_unknown_preset_has_the_nearest():
    with pytest.raises(RecipeError, match="no preset 'clas'; did you mean 'class'"):
        presets.expanded({"preset": "clas"})


def test_the_command_line_takes_a_preset(tmp_path):
    target = tmp_path / "made.png"
    arguments = [
        "dream",
        "--preset",
        "thumbnail",
        "--layer",
        "stem",
        "--canvas",
        "32x48",
        "--iterations",
        "2",
    ]
    done = CliRunner().invoke(application(), [*arguments, "-o", str(target)], catch_exceptions=False)
    assert done.exit_code == 0
    shown = CliRunner().invoke(application(), ["info", str(target), "--json"])
    recipe = json.loads(shown.stdout)["recipe"]
    assert (recipe["param"], recipe["iterations"], recipe["transforms"]) == (
        "soft-fourier",
        2,
        presets.known["thumbnail"]["transforms"],
    )
