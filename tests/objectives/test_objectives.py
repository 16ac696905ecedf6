import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from batcountry.errors import LayerNotFound, RecipeError
from batcountry.objectives import (
    OBJECTIVES,
    channel,
    function,
    guide,
    guide_features,
    layer,
    matched,
    objective,
    parse,
)
from batcountry.objectives.base import added_up
from batcountry.recipe.marks import refuse
from conftest import two_sums

IMAGE = torch.from_numpy(np.random.RandomState(0).uniform(0, 255, (1, 3, 5, 7)).astype(np.float32))
SUMS = two_sums(IMAGE)[0]
MEANS = [np.mean([plane[y : y + 3, x : x + 3] for y in (0, 2) for x in (0, 2, 4)]) for plane in SUMS]


def score(objective, model, image=IMAGE):
    return float(objective.bind(model)(model.activations(image, objective.layers)))


@pytest.mark.parametrize("index", [0, 1])
def test_channel_is_its_mean_activation(two_channels, index):
    assert score(channel("sum", index), two_channels) == pytest.approx(SUMS[index].mean(), rel=1e-5)
    assert score(channel("mean", index), two_channels) == pytest.approx(MEANS[index], rel=1e-5)


def test_layer_is_the_mean_square_of_its_activations(two_channels):
    assert score(layer("sum"), two_channels) == pytest.approx((SUMS**2).mean(), rel=1e-5)


def test_sums_and_weights_add_up_term_by_term(two_channels):
    objective = 2 * channel("sum", 0) + layer("sum") * 3 - channel("mean", 1)
    assert score(objective, two_channels) == pytest.approx(
        2 * SUMS[0].mean() + 3 * (SUMS**2).mean() - MEANS[1], rel=1e-5
    )


def test_arithmetic_leaves_its_operands_as_they_were():
    first = channel("sum", 0)
    _ = -(2 * first) + layer("mean")
    assert first == channel("sum", 0) and str(first) == 'channel("sum", 0)'


weights = st.floats(-1e6, 1e6).filter(lambda x: x != 0)
names = st.text(min_size=1, max_size=12).filter(lambda t: t.isprintable())
terms = st.one_of(
    st.builds(layer, names), st.builds(channel, names, st.integers(0, 999)), st.builds(guide, names, names)
)


@given(st.lists(st.tuples(weights, terms), min_size=1, max_size=4))
def test_an_objective_is_read_back_from_its_text(parts):
    objective = parts[0][0] * parts[0][1]
    for weight, term in parts[1:]:
        objective = objective + weight * term
    assert parse(str(objective)) == objective


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("layer('a') +", "character"),
        ("leyer('a')", "did you mean 'layer'"),
        ("layer(1)", "quoted name"),
        ("channel('a')", "channel(layer, index)"),
        ("channel('a', 1.5)", "whole number"),
        ("3", "this is a number, not an objective"),
        ("1.5", "this is a number, not an objective"),
        ("[3]", "this is a list, not an objective"),
        ("'a b'", "this is a str, not an objective"),
        ("layer('a') * layer('b')", "multiplied by numbers"),
        ("1*(layer('a') + None)", "character 4"),
        ("__import__('os').system('true')", "expected an objective"),
        ("1e999 * layer('a')", "finite"),
        ("(" * 5000, "not an objective"),
        ("x" * 20000, "too long"),
        (
            "channel(blocks.10, 17)",
            "names need quotes, and in a shell single ones around all of it: 'channel(\"blocks.10\", 17)'",
        ),
        ("channel(inception_4c/output, 17) - tv()", """'channel("inception_4c/output", 17) - tv()'"""),
        ("blocks.10", """if it is a layer's, write layer("blocks.10")"""),
        ("X.0X", """if it is a layer's, write layer("X.0X")"""),
        ('"stem"', """if it is a layer's, write layer("stem")"""),
    ],
)
def test_text_that_is_no_objective_is_refused_with_the_reason(text, said):
    with pytest.raises(RecipeError) as caught:
        parse(text)
    assert said in str(caught.value)


def test_a_mark_of_a_function_is_refused_as_such():
    with pytest.raises(RecipeError) as wanted:
        raise refuse("objective", 'python("my.score")')
    with pytest.raises(RecipeError, match=r"my\.score") as caught:
        parse('python("my.score")')
    assert str(caught.value) == str(wanted.value)


def test_an_unknown_layer_is_answered_with_the_nearest(two_channels):
    with pytest.raises(LayerNotFound, match="did you mean 'mean'"):
        layer("maen").bind(two_channels)


def test_a_channel_that_is_not_there_is_refused(two_channels):
    with pytest.raises(RecipeError, match="channels 0 to 1"):
        channel("sum", 2).bind(two_channels)


def test_matching_takes_the_largest_dot_product_at_each_position():
    random = np.random.RandomState(1)
    x, y = (
        random.normal(size=(1, 5, 7, 11)).astype(np.float32),
        random.normal(size=(5, 13)).astype(np.float32),
    )
    activation = torch.from_numpy(x).requires_grad_()
    found = matched(activation, torch.from_numpy(y))
    products = x[0].reshape(5, -1).T @ y
    assert float(found.mean().detach()) == pytest.approx(products.max(1).mean(), rel=1e-5)
    found.mean().backward()
    wanted = y[:, products.argmax(1)].reshape(5, 7, 11) / 77
    np.testing.assert_allclose(activation.grad[0].numpy(), wanted, rtol=1e-5, atol=1e-8)


def test_a_guide_is_used_at_its_own_size(two_channels, photo):
    assert guide_features(two_channels, photo, "sum").shape == (2, 37 * 53)


def test_a_guide_without_a_file_cannot_be_read_back_from_text(two_channels, photo):
    text = str(guide(photo, "sum"))
    assert "sha256:" in text
    with pytest.raises(RecipeError, match="not a file"):
        parse(text).bind(two_channels)


def test_an_objective_of_ones_own_is_read_from_text_once_it_is_registered(two_channels, registered):
    def brightest(layer: str):
        return objective(
            "brightest", (layer,), (layer,), lambda model: lambda seen: seen[layer].amax(1), local=True
        )

    registered(OBJECTIVES, "brightest", brightest)
    aim = parse('2*brightest("sum")')
    assert str(aim) == '2.0*brightest("sum")'
    assert score(aim, two_channels) == pytest.approx(2 * SUMS.max(0).mean(), rel=1e-5)


def test_scores_are_each_pictures_mean_over_its_places_summed_over_the_batch():
    for shape in ((3,), (3, 5), (3, 5, 7)):
        scores = torch.from_numpy(np.random.RandomState(0).normal(size=shape))
        wanted = sum(float(each.mean()) for each in scores)
        assert float(added_up(scores)) == pytest.approx(wanted)
        assert added_up(scores).shape == ()


def test_what_a_function_reads_is_found_where_its_scorers_are_asked_for(two_channels):
    aim = 2 * function(lambda seen: seen["sum"][:, 1]) + layer("mean")
    (first, second) = aim.scorers(two_channels)
    assert [first[0], second[0]] == [2.0, 1.0]
    assert [first[1].layers, second[1].layers] == [("sum",), ("mean",)]
    seen = two_channels.activations(IMAGE, ["sum", "mean"])
    assert float(first[2](seen)) == pytest.approx(SUMS[1].mean(), rel=1e-5)
    assert float(aim.bind(two_channels)(seen)) == pytest.approx(
        2 * SUMS[1].mean() + float(seen["mean"].square().mean()), rel=1e-5
    )


@pytest.mark.parametrize(
    "number", [np.int64(2), np.float32(2), np.array(2), torch.tensor(2.0), torch.tensor(2)]
)
def test_numbers_of_numpy_and_pytorch_are_numbers(number):
    one = channel("sum", 1)
    for made in (number * one, one * number, one / (1 / number)):
        assert made == 2 * one
    assert str(one + number) == str(number + one) == 'channel("sum", 1) + 2.0'
    assert (str(one - number), str(number - one)) == ('channel("sum", 1) - 2.0', '-channel("sum", 1) + 2.0')


@pytest.mark.parametrize("index", [np.int64(1), np.uint8(1), np.array(1), torch.tensor(1)])
def test_a_channels_number_may_be_numpys_or_pytorchs(index, two_channels):
    assert str(channel("sum", index)) == 'channel("sum", 1)'
    assert score(channel("sum", index), two_channels) == score(channel("sum", 1), two_channels)
