"""cnn-vis's way: what options become, and that nothing is parsed for nothing."""

import numpy as np
import pytest
import torch

from batcountry.dreams.cnn_vis import amplifying
from batcountry.dreams.cnn_vis_options import Aim, Penalties
from batcountry.dreams.dreamer import Dreamer
from batcountry.errors import RecipeError
from batcountry.models import Layer, Model, open_model
from batcountry.objectives import IMAGE, START, parse
from conftest import MEAN, WEIGHTS

NONE = Penalties(tv=0, p_norm=0)


@pytest.fixture
def model(two_channels) -> Model:
    return Model(
        "two-channels",
        two_channels.network,
        layers=[Layer("sum", 2, 1, 1, 0, 1), Layer("mean", 2, 2, 3, 0, 2)],
        mean=MEAN,
        weights_sha256="0" * 64,
        default_layer="mean",
        classes=("left", "right"),
        class_layer="sum",
        input_size=(19, 29),
    )


def made(model, options=None, size=None, aim=None, penalties=NONE):
    return amplifying(model, options or {}, aim or Aim(), penalties, size=size)


def test_without_options_a_layer_is_amplified_in_windows_from_noise(model):
    found = made(model)
    assert str(found["objective"]) == 'amplify("mean", 1.0, 1.0, 5.0)'
    wanted = {
        "windows": "input",
        "carry": "picture",
        "optimizer": "rmsprop-cnn-vis",
        "rescale": True,
        "canvas": "19x29",
    }
    assert {key: found[key] for key in wanted} == wanted


@pytest.mark.parametrize(
    ("aim", "layer", "text"),
    [
        (Aim(l1=0.5, l2=2, clip_at=3), "sum", 'amplify("sum", 0.5, 2.0, 3.0)'),
        (Aim(channel=1), None, 'channel("mean", 1)'),
        (Aim(wanted="left"), None, 'logit("left")'),
        (Aim(wanted=" 1 "), "sum", 'logit(1, "sum")'),
    ],
)
def test_what_is_amplified_is_a_layer_a_channel_or_a_class(model, aim, layer, text):
    assert str(made(model, {"layer": layer}, aim=aim)["objective"]) == text


def test_penalties_have_the_weights_of_sums(model):
    """The gradient of the objective, times a layer's places, is cnn-vis's: sums over places less sums over pixels."""
    penalties = Penalties(tv=0.5, tv_beta=2, p_norm=0.01, p=2, p_norm_zero=0.02, p_zero=4, p_scale_zero=9)
    aim = made(model, size=(19, 29), penalties=penalties)["objective"]
    rng = np.random.RandomState(1)
    image = torch.from_numpy(rng.uniform(0, 255, (1, 3, 19, 29)))
    begun = torch.from_numpy(rng.uniform(0, 255, (1, 3, 19, 29)))
    seen = {IMAGE: image, START: begun}
    found = float(aim.of_image.bind(model)(seen))
    x, away = image.numpy()[0], (image - begun).numpy()[0]
    variation = (x[:, :-1, :-1] - x[:, :-1, 1:]) ** 2 + (x[:, :-1, :-1] - x[:, 1:, :-1]) ** 2
    places = 4  # pixels to each place of a layer with stride 2
    wanted = (
        0.5 * variation.sum(0).mean()
        + 0.01 * (away**2).sum(0).mean()
        + 0.02 * (((x - np.reshape(MEAN, (3, 1, 1))) / 9) ** 4).sum(0).mean()
    )
    assert found == pytest.approx(-places * wanted)


def test_a_class_has_one_place_for_all_pixels_of_a_window(googlenet):
    net = open_model(googlenet)
    aim = amplifying(net, {}, Aim(wanted="volcano"), Penalties(tv=1, p_norm=0), size=None)["objective"]
    assert [weight for weight, _ in aim.terms] == [1, -224 * 224]


def test_strength_grows_by_steps(model):
    aim = made(model, penalties=Penalties(tv=0.5, tv_step=0.25, tv_every=7, p_norm=0))["objective"]
    assert str(aim.of_image) == '-4.0*growing(tv(2.0, "naive", 1.0), 0.5, 0.25, 7)'


@pytest.mark.parametrize(
    ("aim", "slope", "shares"),
    [
        # by hand: a color's part in a channel, times what is summed over the places it is seen from
        (Aim(channel=1, wanted=None), np.abs(WEIGHTS[1]).mean(), (0.0, 0.2)),
        (Aim(l1=0, clip_at=1e-3), np.abs(np.sum(WEIGHTS, 0)).mean() * 1e-3, (4e-12, 0.01)),
    ],
)
def test_weights_go_with_the_gradient_unless_they_are_given(model, aim, slope, shares):
    found = made(model, {"layer": "sum"}, aim=aim, penalties=Penalties())["objective"]
    weights = {term.name: -weight for weight, term in found.of_image.terms}
    for name, share in zip(("pnorm", "tv"), shares, strict=True):
        assert weights.get(name, 0.0) == pytest.approx(share * slope, rel=0.06)
    given = made(model, {"layer": "sum"}, aim=aim, penalties=Penalties(tv=7, p_norm=0))["objective"]
    assert [weight for weight, _ in given.of_image.terms] == [-7]


@pytest.mark.parametrize(
    ("objective", "places"),
    [
        ('2e-4*channel("sum", 1)', 1),  # a mean over places here, a sum in cnn-vis
        ('1e-7*neuron("sum", 1)', None),  # one place in both
    ],
)
def test_steps_are_those_of_cnn_vis_for_sums_over_places_also_where_gradients_are_tiny(
    model, objective, places
):
    options = {"objective": objective, "jitter": 0, "iterations": 3, "start": "noise(20)", "rescale": False}
    found = [step.image[0].numpy() for step in Dreamer(**made(model, options)).dreaming()]
    slope = np.zeros((3, 19, 29))
    if places:
        slope[:] = 2e-4 * np.reshape(WEIGHTS[1], (3, 1, 1))
    else:
        slope[:, 9, 14] = 1e-7 * np.array(WEIGHTS[1])
    cache, moved = 0.0, []
    for _ in range(3):
        cache = 0.9 * cache + 0.1 * slope**2
        moved.append(2.0 * slope / np.sqrt(cache + 1e-8))
    for before, after, expected in zip(found, found[1:], moved[1:], strict=False):
        np.testing.assert_allclose(after - before, expected, rtol=0.01, atol=2e-5)
    assert 0 < np.abs(moved[1]).max() < 3


def test_pytorchs_rmsprop_is_there_for_who_asks(model):
    found = made(model, {"optimizer": "rmsprop"})
    assert (found["optimizer"], found["step_size"], found["smoothing"]) == ("rmsprop", 2.0, 0.9)


def test_from_a_picture_the_norm_holds_on_to_it_and_from_noise_to_gray(model):
    penalties = Penalties(tv=0, p_norm=1, p=6)
    assert 'pnorm(6.0, 1.0, "start")' in str(made(model, size=(40, 50), penalties=penalties)["objective"])
    assert 'pnorm(6.0, 1.0, "zero")' in str(made(model, penalties=penalties)["objective"])


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({}, [(19, 29)]),
        ({"initial_size": "x2"}, [(38, 58)]),
        ({"initial_size": "24x36", "final_size": "x2", "octaves": 3}, [(24, 36), (30, 46), (38, 58)]),
        ({"final_size": "x2", "octaves": 2}, [(19, 29), (38, 58)]),
        (
            {"initial_size": "30x30", "final_size": "60x90", "octaves": 3, "spacing": "linear"},
            [(30, 30), (45, 60), (60, 90)],
        ),
    ],
)
def test_sizes_are_parts_of_the_networks_input_if_there_is_no_picture(model, options, sizes):
    dreamer = Dreamer(**made(model, {"iterations": 1, **options}))
    assert [step.size for step in dreamer.dreaming()] == sizes


def test_noise_is_made_at_the_first_size_and_not_blurred_by_resizing(model):
    dreamer = Dreamer(
        **made(
            model,
            {"iterations": 1, "step_size": 1e-3, "start": "noise(20)", "final_size": "x3", "octaves": 2},
        )
    )
    first = next(iter(dreamer.dreaming()))
    assert float(first.image.std()) == pytest.approx(20, rel=0.05)


def test_sizes_are_parts_of_the_picture_if_there_is_one(model):
    options = {"initial_size": "x0.5", "final_size": "x0.75", "octaves": 2, "iterations": 1}
    dreamer = Dreamer(**made(model, options, size=(80, 100)))
    picture = np.random.RandomState(0).randint(0, 256, (80, 100, 3)).astype(np.uint8)
    assert [step.size for step in dreamer.dreaming(picture)] == [(40, 50), (60, 75)]


def test_an_objective_of_ones_own_is_taken_as_it_is(model):
    assert made(model, {"objective": 'layer("sum")'}, penalties=Penalties())["objective"] == 'layer("sum")'


@pytest.mark.parametrize("option", [{"wrap": "xy"}, {"tile": 16}, {"max_memory": "2GB"}])
def test_what_does_not_go_with_windows_is_done_without_them(model, option):
    found = made(model, option)
    assert "windows" not in found
    Dreamer(**found)


def test_a_channel_and_a_class_are_not_amplified_at_once(model):
    with pytest.raises(RecipeError, match="a channel or a class, not both"):
        made(model, aim=Aim(channel=1, wanted="left"))


def test_a_recipe_makes_it_again(model):
    dreamer = Dreamer(**made(model, {"iterations": 2, "start": "noise(9)"}, penalties=Penalties()))
    first = [step.picture() for step in dreamer.dreaming()][-1]
    recipe = dreamer.resolved.recipe
    assert parse(recipe.objective) == dreamer.resolved.objective
    again = [step.picture() for step in Dreamer(recipe, model=model).dreaming()][-1]
    assert np.array_equal(first.array(), again.array())
