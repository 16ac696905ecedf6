import json

import numpy as np
import pytest
from scipy import ndimage
from typer.testing import CliRunner

import batcountry
from batcountry import dreaming
from batcountry.cli import application
from batcountry.dreams import octaves
from batcountry.dreams.resolve import resolve
from batcountry.errors import RecipeError
from batcountry.recipe import Note, Recipe, presets
from conftest import WEIGHTS, two_sums


@pytest.mark.parametrize("name", list(presets.PRESETS))
def test_every_preset_is_a_recipe_that_can_be_resolved(name, two_channels):
    resolved = resolve(Recipe(), {"preset": name, "model": two_channels})
    for key, value in presets.PRESETS[name].items():
        assert getattr(resolved.recipe, key) == value
    assert "preset" not in Recipe.model_fields


def test_classic_is_the_dream_of_2015(two_channels, photo):
    rng, image = np.random.RandomState(0), np.float64(photo)
    bases = [image]
    for size in octaves.sizes(37, 53, 4, 1.4)[-2::-1]:
        factor = (size[0] / bases[-1].shape[0], size[1] / bases[-1].shape[1], 1)
        bases.append(ndimage.zoom(bases[-1], factor, order=1))
    detail = np.zeros_like(bases[-1])
    for base in bases[::-1]:
        factor = (base.shape[0] / detail.shape[0], base.shape[1] / detail.shape[1], 1)
        image = base + ndimage.zoom(detail, factor, order=1)
        for _ in range(3):
            rng.randint(-32, 33, 2)  # a network of single pixels does not see the shift
            gradient = np.einsum("khw,kc->hwc", two_sums(image.transpose(2, 0, 1)), WEIGHTS)
            image = np.clip(image + 1.5 / np.abs(gradient).mean() * gradient, 0, 255)
        detail = image - base
    found = batcountry.dream(photo, model=two_channels, preset="classic", iterations=3)
    np.testing.assert_allclose(found.pixels, image, atol=0.01)


def test_options_go_over_the_preset_and_the_preset_over_a_recipe(two_channels):
    resolved = resolve(
        Recipe(seed=5, iterations=3), {"preset": "class", "canvas": "32x48", "model": two_channels}
    )
    assert (resolved.recipe.seed, resolved.recipe.canvas, resolved.recipe.param) == (
        5,
        "32x48",
        "soft-fourier",
    )
    assert resolved.recipe.iterations == presets.PRESETS["class"]["iterations"]


def test_the_recipe_in_the_picture_is_the_expanded_one(two_channels):
    step = next(iter(dreaming(model=two_channels, preset="thumbnail", canvas="24x40", iterations=1)))
    recipe = Note.read(step.picture().note).recipe
    assert (recipe.param, recipe.canvas, recipe.optimizer) == ("soft-fourier", "24x40", "adam")


@pytest.mark.parametrize(("name", "small"), [("class", "class-small"), ("maco", "maco-small")])
def test_a_class_is_shown_in_the_way_that_suits_the_network(name, small, two_channels):
    assert presets.expanded({"preset": name}) == presets.PRESETS[small]
    assert presets.expanded({"preset": name, "model": "efficientnet-lite0"})["canvas"] == "224x224"
    assert presets.expanded({"preset": name}, model="bvlc_googlenet") == presets.PRESETS[name]
    assert presets.expanded({"preset": name, "model": two_channels})["canvas"] == "256x256"


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
        presets.PRESETS["thumbnail"]["transforms"],
    )
