import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from batcountry.errors import LayerNotFound, RecipeError
from batcountry.objectives import OBJECTIVES, channel, guide, guide_features, layer, matched, objective, parse

ones = torch.ones(1, 3, 5, 7)


def score(objective, model, image=ones):
    return float(objective.bind(model)(model.activations(image, objective.layers)))


def test_channel_is_its_mean_activation(two_channels):
    assert score(channel("sum", 0), two_channels) == 1.75


def test_layer_is_the_mean_square_of_its_activations(two_channels):
    assert score(layer("sum"), two_channels) == 1.75**2


def test_sums_and_weights_add_up_term_by_term(two_channels):
    objective = 2 * channel("sum", 0) + layer("sum") * 3 - channel("mean", 1)
    assert score(objective, two_channels) == pytest.approx(2 * 1.75 + 3 * 1.75**2 - 1.75)


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
        ("3", "a number"),
        ("layer('a') * layer('b')", "multiplied by numbers"),
        ("1*(layer('a') + 2)", "character 4"),
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
        ('"stem"', """if it is a layer's, write layer("stem")"""),
    ],
)
def test_text_that_is_no_objective_is_refused_with_the_reason(text, said):
    with pytest.raises(RecipeError) as caught:
        parse(text)
    assert said in str(caught.value)


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
    image = torch.rand(1, 3, 5, 7)
    assert float(aim.bind(two_channels)(two_channels.activations(image, aim.layers))) > 0
