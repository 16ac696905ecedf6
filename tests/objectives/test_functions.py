import functools

import numpy as np
import pytest
import torch

import batcountry
from batcountry.errors import LayerNotFound, RecipeError
from batcountry.objectives import IMAGE, channel, each, function, layer, objective_of, parse, tv
from batcountry.optim.gradient import whole_gradient

quick = {"octaves": 2, "iterations": 2, "jitter": 2, "step_size": 2.0}


def second(seen):
    return seen["sum"][:, 1].mean()


@pytest.fixture
def image():
    return torch.rand(1, 3, 9, 11, generator=torch.Generator().manual_seed(2)) * 255


def test_a_function_dreams_what_the_objective_it_says_does(photo, two_channels):
    by_text = batcountry.dream(photo, model=two_channels, objective='channel("sum", 1)', **quick)
    by_function = batcountry.dream(photo, model=two_channels, objective=second, **quick)
    np.testing.assert_allclose(by_function.pixels, by_text.pixels, atol=1e-3)


def test_a_function_may_ask_for_layers_as_lucids_do(two_channels, image):
    ours, lucids = function(lambda seen: seen["sum"].mean()), function(lambda T: T("sum").mean())  # noqa: N803
    assert lucids.resolved(two_channels).layers == ("sum",)
    scores = [each.bind(two_channels)(two_channels.activations(image, ["sum"])) for each in (ours, lucids)]
    assert torch.equal(*scores)


def test_what_it_reads_is_found_by_running_it_once(two_channels):
    both = function(lambda seen: seen["mean"].mean() - 0.1 * seen["sum"].square().mean())
    assert both.resolved(two_channels).layers == ("mean", "sum")
    assert function(lambda seen: sum(one.mean() for one in seen.values())).resolved(two_channels).layers == (
        "sum",
        "mean",
    )
    with pytest.raises(RecipeError, match="resolve the objective first"):
        _ = both.layers


def test_it_is_added_to_others_and_prints_as_a_mark(two_channels, image):
    whole = channel("sum", 0) - 0.5 * function(second)
    assert str(whole) == f'channel("sum", 0) - 0.5*python("{__name__}.second")'
    score, _ = whole_gradient(two_channels, whole)(image)
    alone = [whole_gradient(two_channels, one)(image)[0] for one in (channel("sum", 0), channel("sum", 1))]
    assert score == pytest.approx(float(alone[0] - 0.5 * alone[1]), rel=1e-5)
    assert str(function(functools.partial(second))) == f'python("{__name__}.second")'


@pytest.mark.parametrize(
    "kept", [lambda a: a.mean(), lambda a: a.mean((1, 2, 3)), lambda a: a.mean(1), lambda a: a]
)
def test_whatever_shape_it_returns_the_mean_is_the_score(kept, two_channels, image):
    score, _ = whole_gradient(two_channels, function(lambda seen: kept(seen["sum"])))(image)
    assert score == pytest.approx(float(two_channels.activations(image, ["sum"])["sum"].mean()), rel=1e-5)


def test_pictures_that_grow_together_are_scored_one_by_one(two_channels, image):
    seen = []
    objective = function(lambda given: seen.append(given["sum"].shape) or given["sum"].square().mean())
    gradient = whole_gradient(two_channels, objective)
    together = gradient(torch.cat([image, image * 0.5]))[1]
    for index, one in enumerate((image, image * 0.5)):
        torch.testing.assert_close(together[index : index + 1], gradient(one)[1])
    assert {len(torch.empty(shape)) for shape in seen} == {1}


def test_each_of_several_pictures_has_its_own(two_channels, photo):
    aims = [function(second), function(lambda seen: -seen["sum"][:, 0].mean()), layer("mean")]
    options = {
        "model": two_channels,
        "canvas": "24x32",
        "iterations": 2,
        "preset": "classic",
        "start": "noise",
    }
    made = batcountry.visualize([second, *aims[1:]], batch=2, **options)
    for aim, picture in zip(aims, made, strict=True):
        alone = batcountry.dream(objective=aim, **options)
        np.testing.assert_allclose(picture.pixels, alone.pixels, atol=1e-2)
        assert picture.recipe.objective == str(aim)
    assert each(aims[:2]).resolved(two_channels).layers == ("sum",)


def test_the_start_and_the_image_can_be_read(two_channels, photo):
    def away(seen):
        return (seen["sum"] - 0.25 * seen["@start"][:, :2]).square().mean()

    def dark(seen):
        return -seen[IMAGE].square().mean()

    assert "@start" in function(away).resolved(two_channels).aux_inputs
    options = {"model": two_channels, "normalize": "none", **quick}
    wanted = batcountry.dream(photo, objective=channel("sum", 0) + 3 * function(dark), **options)
    assert wanted.pixels.mean() < photo.mean()
    assert function(dark, layers=[]).of_image and not function(dark, layers=[]).of_layers
    batcountry.dream(photo, objective=away, model=two_channels, **quick)
    with pytest.raises(RecipeError, match="at once, which are seen at different times"):
        function(lambda seen: seen["sum"].mean() + seen[IMAGE].mean()).resolved(two_channels)
    with pytest.raises(RecipeError, match="reads no layer of the network"):
        batcountry.dream(photo, objective=dark, model=two_channels, **quick)


def test_a_layer_that_is_asked_for_later_only_is_said_with_what_to_do(two_channels, photo):
    calls = []

    def moody(seen):
        calls.append(1)
        return seen["sum"].mean() if len(calls) < 2 else seen["sum"].mean() + seen["mean"].mean()

    with pytest.raises(RecipeError, match=r"moody reads 'mean' now, .*layers=\[…\]"):
        batcountry.dream(photo, model=two_channels, objective=moody, **quick)
    batcountry.dream(photo, model=two_channels, objective=function(moody, layers=["sum", "mean"]), **quick)


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (lambda seen: 3.0, "must return a tensor of floats, not float 3.0"),
        (lambda seen: seen["sum"] > 0, "not a tensor of torch.bool"),
        (lambda seen: torch.zeros(()), "reads no layer"),
        (lambda seen: seen["sum"].detach().mean(), "has no gradient"),
    ],
)
def test_what_is_no_score_is_refused_at_the_call(score, said, photo, two_channels):
    with pytest.raises(RecipeError, match=said):
        batcountry.dreaming(photo, model=two_channels, objective=score)


def test_a_layer_that_is_not_there_is_named(photo, two_channels):
    with pytest.raises(LayerNotFound, match=r"no layer 'sums'.*did you mean 'sum'"):
        batcountry.dreaming(photo, model=two_channels, objective=lambda seen: seen["sums"].mean())


def test_it_is_of_the_whole_picture_so_tiles_and_masks_refuse_it(photo, two_channels):
    with pytest.raises(RecipeError, match="depends on the whole picture at once"):
        batcountry.dream(photo, model=two_channels, objective=second, tile=16, **quick)
    with pytest.raises(RecipeError, match="depends on the whole picture at once"):
        batcountry.dream(photo, model=two_channels, objective=second, wrap="xy", **quick)
    with pytest.raises(RecipeError, match="not a mean over places"):
        batcountry.objectives.region(photo, function(second))
    with pytest.raises(RecipeError, match="reads a layer"):
        batcountry.objectives.growing(function(second), 1, 1)


def test_windows_and_masks_and_bfloat16_take_it(photo, two_channels):
    batcountry.dream(photo, model=two_channels, objective=second, windows="20x20", octaves=1, iterations=1)
    batcountry.dream(photo, model=two_channels, objective=second, mask=photo, **quick)
    batcountry.dream(
        photo,
        objective=lambda seen: seen["blocks.10"][:, 17].mean(),
        precision="fast",
        octaves=1,
        iterations=1,
    )


def test_its_text_cannot_be_read_back_and_says_why():
    with pytest.raises(RecipeError, match="was Python code, which no file holds"):
        parse(str(tv() + function(second)))


def test_what_is_no_objective_is_refused(photo):
    with pytest.raises(RecipeError, match="an Objective, its text or a function, not int"):
        objective_of(3)
