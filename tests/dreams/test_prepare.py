import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import batcountry
from batcountry.backend.policy import STRICT
from batcountry.dreams.dreamer import Dreamer
from batcountry.dreams.prepare import prepare
from batcountry.dreams.resolve import resolve
from batcountry.errors import ModelError, PolicyError, RecipeError
from batcountry.motion import zoom
from batcountry.objectives import layer
from batcountry.objectives.functions import function
from batcountry.recipe import Recipe

QUICK = {"octaves": 1, "iterations": 1, "canvas": "23x37"}


@pytest.fixture
def folder(tmp_path, monkeypatch, photo):
    """A working folder with guide.png, beside one that is not allowed, with a picture and a link to that."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "theirs").mkdir()
    monkeypatch.chdir(tmp_path / "mine")
    for name in ("guide.png", "../theirs/secret.png"):
        Image.fromarray(photo).save(name)
    np.save("../theirs/secret.npy", np.ones(2, np.float32))
    Path("link.png").symlink_to(tmp_path / "theirs" / "secret.png")
    return tmp_path


def validations(monkeypatch):
    """Count from now on how often the fields of a recipe are checked."""
    counted = []
    before = Recipe.__init__

    def init(self, **options):
        counted.append(options)
        before(self, **options)

    monkeypatch.setattr(Recipe, "__init__", init)
    return counted


def test_a_dreams_options_are_checked_once(monkeypatch, two_channels):
    counted = validations(monkeypatch)
    list(batcountry.dreaming(model=two_channels, layer="sum", **QUICK))
    assert len(counted) == 1


def test_a_recipe_without_options_is_not_checked_again(monkeypatch, two_channels):
    recipe = Recipe(layer="sum", **QUICK)
    counted = validations(monkeypatch)
    list(batcountry.dreaming(recipe=recipe, model=two_channels))
    assert not counted


def test_several_aims_of_one_dream_check_nothing_again(monkeypatch, two_channels):
    counted = validations(monkeypatch)
    asked = prepare(options={"layer": "sum", **QUICK}).with_model(two_channels)
    for aim in ({"layer": "mean"}, {"objective": 'channel("sum", 1)'}, {"layer": "sum"}):
        recipe = resolve(asked.with_aim(**aim)).recipe
        assert (recipe.layer, recipe.objective) == (aim.get("layer"), aim.get("objective"))
    assert len(counted) == 1


def test_another_aim_is_what_it_is_when_asked_for_alone(two_channels, photo):
    asked = prepare(options={"layer": "sum", **QUICK}).with_model(two_channels)
    for aim in ({"layer": "mean"}, {"objective": 'channel("sum", 1)'}):
        last = list(Dreamer(asked.with_aim(**aim)).dreaming(photo))[-1].picture()
        alone = batcountry.dream(photo, model=two_channels, **aim, **QUICK)
        assert last.note == alone.note and np.array_equal(last.pixels, alone.pixels)


def test_another_aim_that_cannot_be_is_refused(two_channels):
    asked = prepare(options=QUICK).with_model(two_channels)
    with pytest.raises(RecipeError, match="reads no layer"):
        asked.with_aim(objective="tv()")
    with pytest.raises(RecipeError, match="not both"):
        prepare(options={"guide": np.zeros((8, 8, 3), np.uint8)}).with_aim(objective='layer("sum")')


def test_what_is_prepared_or_resolved_takes_no_more_options(two_channels):
    asked = prepare(options={"model": two_channels, **QUICK})
    resolved = resolve(asked)
    assert resolve(resolved) is resolved
    for each in (asked, resolved):
        with pytest.raises(RecipeError, match="takes no more options, such as octaves"):
            resolve(each, {"octaves": 2})


def test_nothing_is_opened_to_prepare(monkeypatch):
    def refused(*_, **__):
        raise AssertionError("a network was opened")

    monkeypatch.setattr("batcountry.models.from_recipe.open_model", refused)
    assert prepare(options={"model": "timm:resnet18", **QUICK}).recipe.model == "timm:resnet18"
    with pytest.raises(RecipeError, match="moon"):
        prepare(options={"start": "moon"})


@pytest.mark.parametrize("name", ["{}/theirs/secret.png", "../theirs/secret.png", "link.png"])
@pytest.mark.parametrize(
    "options",
    [
        {"guide": "NAME", "layer": "sum"},
        {"mask": "NAME"},
        {"objective": 'guide("NAME", "sum")'},
        {"objective": 'caricature("sum", "NAME")'},
        {"objective": 'layer("sum") - 0.1*content("NAME", "sum")'},
        {"objective": 'region("NAME", layer("sum"))'},
        {"objective": 'mean([layer("sum"), style("NAME", "sum")])'},
    ],
)
def test_a_recipes_pictures_are_read_from_allowed_folders_alone(folder, two_channels, name, options):
    options = {key: text.replace("NAME", name.format(folder)) for key, text in options.items()}
    with pytest.raises(PolicyError, match=f"--allow {folder}/theirs "):
        resolve(Recipe(**options), {"model": two_channels}, STRICT.allow("."))
    resolve(Recipe(**options), {"model": two_channels}, STRICT.allow(".", "../theirs"))


def test_a_direction_is_read_from_allowed_folders_alone(folder, two_channels):
    recipe = Recipe(objective='direction("sum", "../theirs/secret.npy")')
    with pytest.raises(PolicyError, match=r"the objective cannot be used.*--allow"):
        resolve(recipe, {"model": two_channels}, STRICT.allow("."))
    resolve(recipe, {"model": two_channels}, STRICT.allow(folder))


@pytest.mark.parametrize(
    "options", [{"guide": "guide.png"}, {"mask": "guide.png"}, {"objective": 'guide("guide.png", "sum")'}]
)
def test_a_huge_picture_is_refused_by_its_header(folder, monkeypatch, two_channels, options):
    policy = replace(STRICT.allow("."), max_pixels=37 * 53 - 1)

    def decoded(*_):
        raise AssertionError("the picture was decoded")

    monkeypatch.setattr("batcountry.image.reading.decode", decoded)
    with pytest.raises(PolicyError, match=r"53×37 pixels, and at most 1,960 pixels"):
        resolve(Recipe(**options), {"model": two_channels}, policy)


def test_a_picture_that_is_dreamed_on_is_bounded_too(two_channels, photo):
    policy = replace(STRICT, max_pixels=1000)
    with pytest.raises(PolicyError, match="at most 1,000 pixels"):
        batcountry.dream(photo, model=two_channels, policy=policy, **QUICK)
    for options in (
        {"canvas": "40x40"},
        {"canvas": "8x8", "enlarge": 64},
        {"canvas": "8x8", "final_size": "x9", "octaves": 2},
    ):
        with pytest.raises(PolicyError, match="at most 1,000 pixels"):
            batcountry.dream(model=two_channels, policy=policy, **{**QUICK, **options})
    assert batcountry.dream(model=two_channels, policy=policy, **{**QUICK, "canvas": "8x8"}).size == (8, 8)


def test_a_file_of_too_many_bytes_is_refused(folder, two_channels):
    policy = replace(STRICT.allow("."), max_bytes=100)
    with pytest.raises(PolicyError, match=r"guide\.png has [\d,]+ bytes"):
        batcountry.dream("guide.png", model=two_channels, policy=policy, **QUICK)
    with pytest.raises(PolicyError, match=r"the guide cannot be used: guide\.png has [\d,]+ bytes"):
        batcountry.dream(model=two_channels, guide="guide.png", policy=policy, **QUICK)


def test_no_recipe_has_endless_steps(two_channels):
    with pytest.raises(RecipeError, match="iterations cannot be 1000000000"):
        batcountry.dream(model=two_channels, policy=STRICT, iterations=10**9)
    with pytest.raises(PolicyError, match="200,000 steps, and at most 100,000"):
        batcountry.dream(model=two_channels, policy=STRICT, iterations=100_000, octaves=2)


def test_steps_count_in_all_octaves_that_a_picture_has(two_channels, photo):
    policy = replace(STRICT, max_steps=5)
    with pytest.raises(PolicyError, match="6 steps"):
        batcountry.dream(
            photo, model=two_channels, iterations=3, initial_size="x0.5", octaves=2, policy=policy
        )
    dreamer = Dreamer(model=two_channels, iterations=4, policy=policy)
    assert len(list(dreamer.dreaming(photo))) == 4  # in the one octave that so small a picture has
    with pytest.raises(PolicyError, match="steps"):
        dreamer.dreaming(np.zeros((300, 300, 3), np.uint8))


def test_a_dream_ends_when_its_time_is_over(two_channels, photo, monkeypatch):
    steps = batcountry.dreaming(
        photo, model=two_channels, policy=replace(STRICT, max_seconds=1000), octaves=1, iterations=3
    )
    clock = iter(range(0, 10**6, 400))
    monkeypatch.setattr("batcountry.backend.policy.time.monotonic", lambda: next(clock))
    with pytest.raises(PolicyError, match="at most 1,000 seconds"):
        list(steps)


def test_films_have_bounds_of_their_own(two_channels, photo):
    film = {"model": two_channels, "octaves": 1, "iterations": 2, "frames": 10}
    with pytest.raises(PolicyError, match="38 steps"):
        zoom(photo, policy=replace(STRICT, max_steps=37), **film)
    with pytest.raises(PolicyError, match="pixels"):
        zoom(photo, policy=replace(STRICT, max_pixels=1000), **film)
    with pytest.raises(PolicyError, match="--allow"):
        zoom(photo, policy=STRICT, **film, mask="/etc/passwd")


def test_keyframes_name_only_files_that_are_allowed(folder, two_channels, photo):
    film = {"model": two_channels, "octaves": 1, "iterations": 1, "frames": 3, "layer": "sum"}
    keys = {"guide": "0:guide.png, 1:../theirs/secret.png"}
    frames = zoom(photo, policy=STRICT.allow("."), keys=keys, **film)
    with pytest.raises(PolicyError, match="--allow"):
        list(frames)


def test_code_that_the_caller_gives_is_the_callers(two_channels, photo):
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()).requires_grad_(False)
    for model in (two_channels, net):
        batcountry.dream(photo, model=model, policy=STRICT, **QUICK)
    with pytest.raises(PolicyError, match="--run-code"):
        batcountry.dream(photo, model="os:getcwd", policy=STRICT, **QUICK)
    assert torch.is_grad_enabled()


def test_what_is_given_as_an_object_is_kept_and_the_recipe_has_its_name(two_channels):
    aim, net = layer("sum") * 2, nn.ReLU()
    asked = prepare(options={"objective": aim, "model": two_channels})
    assert asked.objective is aim and asked.recipe.objective == str(aim)
    assert asked.model is two_channels and asked.recipe.model == "two-channels"
    asked = prepare(options={"model": net})
    assert asked.model is net and asked.recipe.model == "ReLU"


def test_a_function_is_an_objective_with_a_mark_for_a_text():
    def brightest(activations):
        return activations["sum"].mean()

    aim = function(brightest, layers=["sum"])
    asked = prepare(options={"objective": aim})
    assert asked.objective is aim and asked.recipe.objective == str(aim)
    with pytest.raises(RecipeError, match="brightest"):
        prepare(Recipe(objective=str(aim)))
    again = prepare().with_aim(objective=aim)
    assert again.objective is aim and again.recipe.objective == str(aim)


def halved(image):
    raise AssertionError("nothing is made to prepare")


def test_functions_of_the_callers_own_are_kept_and_the_recipe_has_their_marks():
    asked = prepare(options={"param": halved, "optimizer": halved, "step_size": 1.0})
    assert asked.functions.param is asked.functions.optimizer is halved
    assert asked.recipe.param == asked.recipe.optimizer == f'python("{__name__}.halved")'


def test_what_is_no_recipe_is_refused():
    with pytest.raises(RecipeError, match=r"a recipe is a batcountry\.Recipe, not dict"):
        prepare({"layer": "sum"})


def test_paths_are_taken_as_their_names(folder):
    asked = prepare(options={"model": Path("timm:resnet18"), "guide": Path("guide.png"), "layer": "sum"})
    assert (asked.recipe.model, asked.recipe.guide, asked.guide) == (
        "timm:resnet18", "guide.png", "guide.png",
    )  # fmt: skip


def test_another_aim_keeps_the_guide_unless_another_is_given(photo):
    asked = prepare(options={"guide": photo})
    assert str(asked.recipe.guide) == f"sha256:{asked.guide.sha256}"
    assert np.array_equal(asked.guide.pixels, photo)
    assert asked.with_aim(layer="sum").guide is asked.guide
    other = batcountry.read_picture(255 - photo)
    assert asked.with_aim(layer="sum", guide=other).guide is other
    assert prepare().with_aim(layer="sum", guide=other).guide is other


def test_a_preset_is_for_the_network_that_the_recipe_names():
    small, large = {"canvas": "224x224", "iterations": 300}, {"canvas": "256x256", "iterations": 160}
    for recipe, wanted in ((None, small), (Recipe(), small), (Recipe(model="timm:resnet18"), large)):
        found = prepare(recipe, {"preset": "class"}).recipe
        assert {name: getattr(found, name) for name in wanted} == wanted


def test_weights_are_looked_for_unless_the_network_is_open(folder, two_channels):
    options = {"weights": "nowhere.safetensors"}
    with pytest.raises(ModelError, match=r"there is no file nowhere\.safetensors"):
        prepare(options=options)
    assert prepare(options={**options, "model": nn.ReLU()}).recipe.weights == "nowhere.safetensors"
    assert prepare(options={**options, "model": two_channels}).recipe.weights == "nowhere.safetensors"


@pytest.mark.parametrize("name", ["guide", "mask"])
def test_a_picture_in_bytes_is_bounded_too(photo, name):
    data = io.BytesIO()
    Image.fromarray(photo).save(data, "PNG")
    options = {name: data.getvalue(), "canvas": "8x8"}
    with pytest.raises(PolicyError, match="53×37 pixels, and at most 1,960 pixels"):
        prepare(options=options, policy=replace(STRICT, max_pixels=37 * 53 - 1))
    prepare(options=options, policy=replace(STRICT, max_pixels=37 * 53))


def test_steps_and_pixels_are_bounded_before_anything_is_opened():
    prepare(options={"octaves": 2, "iterations": 3}, policy=replace(STRICT, max_steps=6))
    with pytest.raises(PolicyError, match="6 steps"):
        prepare(options={"octaves": 2, "iterations": 3}, policy=replace(STRICT, max_steps=5))
    with pytest.raises(PolicyError, match=r"^the start has 40×40 pixels"):
        prepare(options={"canvas": "40x40"}, policy=replace(STRICT, max_pixels=1599))


@pytest.mark.parametrize("given", ["a name", "a module"])
def test_a_module_is_opened_as_it_is_and_anything_else_by_its_name(monkeypatch, two_channels, given):
    opened = []

    def opening(recipe, *, module, policy, sha256):
        opened.append((recipe.model, module, policy))
        return two_channels

    monkeypatch.setattr("batcountry.dreams.prepare.open_recipe_model", opening)
    model = nn.ReLU() if given == "a module" else "timm:resnet18"
    assert prepare(options={"model": model}, policy=STRICT).open_model().name == "two-channels"
    wanted = ("ReLU", model) if given == "a module" else (model, None)
    assert opened == [(*wanted, STRICT)]
