"""Neurons, classes and directions, against numbers worked out in NumPy."""

import numpy as np
import pytest
import torch

from batcountry.errors import ModelError, RecipeError
from batcountry.models import Layer, Model, open_model
from batcountry.models.classes import class_index
from batcountry.objectives import amplify, direction, logit, neuron, parse
from batcountry.optim.gradient import tiled_gradient, whole_gradient

rng = np.random.RandomState(4)
IMAGE = torch.from_numpy(rng.uniform(0, 255, (1, 3, 23, 41)).astype(np.float32))


class Mixed:
    """`mixed`: five channels of a fixed 1×1 convolution; `classes`: their means."""

    weight = torch.from_numpy(np.random.RandomState(0).normal(0, 0.02, (5, 3, 1, 1)).astype(np.float32))

    def run(self, x, layers):
        mixed = torch.nn.functional.conv2d(x, self.weight)
        found = {"mixed": mixed, "classes": mixed.mean((2, 3))}
        return {name: found[name] for name in layers}

    def to(self, device):
        return self


@pytest.fixture
def mixed() -> Model:
    return Model(
        "mixed",
        Mixed(),
        layers=[Layer("mixed", 5, 1, 1, 0, 1), Layer("classes", 5, None, None)],
        mean=(100.0, 110.0, 120.0),
        weights_sha256="0" * 64,
        default_layer="mixed",
        classes=("red fox", "gray fox", "tabby cat", "crane bird", "crane"),
        class_layer="classes",
    )


def activations(image=IMAGE):
    centered = image[0].numpy() - np.array([100.0, 110.0, 120.0])[:, None, None]
    return np.einsum("kc,chw->khw", Mixed.weight[..., 0, 0].numpy(), centered)


def test_a_neuron_is_the_middle_one_of_an_oblong_picture(mixed):
    score, gradient = whole_gradient(mixed, neuron("mixed", 3))(IMAGE)
    assert score == pytest.approx(activations()[3, 11, 20], rel=1e-4)
    places = gradient[0].abs().sum(0).nonzero().tolist()
    assert places == [[11, 20]]


def test_a_neuron_has_its_row_before_its_column(mixed):
    score, _ = whole_gradient(mixed, neuron("mixed", 1, 2, 37))(IMAGE)
    assert score == pytest.approx(activations()[1, 2, 37], rel=1e-4)


def test_a_neuron_beyond_a_small_octave_is_the_last_there(mixed):
    score, _ = whole_gradient(mixed, neuron("mixed", 1, y=500, x=3))(IMAGE)
    assert score == pytest.approx(activations()[1, 22, 3], rel=1e-4)


def test_a_class_is_scored_before_the_softmax_by_name_and_by_number(mixed):
    wanted = activations().mean((1, 2))[2]
    for aim in (logit("tabby"), logit(2), logit("Tabby Cat"), logit(2, "classes"), parse('logit("tabby")')):
        assert whole_gradient(mixed, aim)(IMAGE)[0] == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("fox", r"'red fox' \(0\), 'gray fox' \(1\); give the whole name"),
        ("taby", "did you mean 'tabby cat'"),
        (5, "classes 0 to 4; there is no class 5"),
        (-1, "no class -1"),
    ],
)
def test_a_class_that_cannot_be_is_refused(mixed, wanted, message):
    with pytest.raises(RecipeError, match=message):
        logit(wanted).bind(mixed)


def test_a_whole_name_is_taken_before_names_that_have_its_words():
    assert class_index("crane", ("crane bird", "crane"), 2) == 1
    with pytest.raises(RecipeError, match=r"'missile' \(657\), 'missile' \(744\)"):
        class_index("missile", open_model().classes, 1000)


def test_a_model_without_known_classes_says_what_to_give(two_channels):
    with pytest.raises(ModelError, match="name the layer"):
        logit(1).bind(two_channels)
    with pytest.raises(RecipeError, match="give a number"):
        logit("tabby", "sum").bind(two_channels)


def test_the_embedded_model_and_googlenet_know_their_classes(googlenet):
    net = open_model(googlenet)
    assert (open_model().class_layer, net.class_layer) == ("logits", "loss3/classifier")
    assert net.classes == open_model().classes
    assert net.input_size == (224, 224)
    assert net.classes[281] == "tabby cat"


def test_a_direction_is_the_dot_product_at_each_place(mixed, tmp_path):
    vector = rng.normal(size=5)
    wanted = np.einsum("k,khw->hw", vector, activations()).mean()
    np.save(tmp_path / "v.npy", vector)
    for aim in (direction("mixed", list(vector)), direction("mixed", str(tmp_path / "v.npy"))):
        assert whole_gradient(mixed, aim)(IMAGE)[0] == pytest.approx(wanted, rel=1e-3)
        assert parse(str(aim)) == aim


def test_a_directions_power_weighs_with_the_cosine(mixed):
    vector = np.abs(rng.normal(size=5))
    a = activations()
    dot = np.einsum("k,khw->hw", vector, a)
    cosine = np.maximum(dot / np.linalg.norm(a, axis=0) / np.linalg.norm(vector), 0.1)
    score, _ = whole_gradient(mixed, direction("mixed", vector, 3))(IMAGE)
    assert score == pytest.approx((dot * cosine**3).mean(), rel=1e-3)


@pytest.mark.parametrize(
    ("aim", "message"),
    [
        (direction("mixed", [1.0, 2.0]), "5 finite numbers, not 2"),
        (direction("mixed", [float("nan")] * 5), "finite"),
        (direction("mixed", "/nowhere.npy"), "/nowhere.npy cannot be read"),
        (neuron("mixed", 5), "channels 0 to 4"),
    ],
)
def test_what_a_layer_does_not_have_is_refused(mixed, aim, message):
    with pytest.raises(RecipeError, match=message):
        aim.bind(mixed)


def test_a_pickle_is_no_direction(mixed, tmp_path):
    np.save(tmp_path / "v.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(RecipeError, match="cannot be read as a direction"):
        direction("mixed", str(tmp_path / "v.npy")).bind(mixed)


@pytest.mark.parametrize(("l1", "l2", "clip"), [(1, 1, 5), (0.3, 2.0, 0.5), (0, 1, 1), (1, 0, 1)])
def test_amplify_has_cnn_vis_gradient_at_the_layer(mixed, l1, l2, clip):
    scorer = amplify("mixed", l1, l2, clip).bind(mixed)
    a = torch.from_numpy(rng.normal(0, 4, (1, 5, 7, 11)).astype(np.float32)).requires_grad_()
    (found,) = torch.autograd.grad(scorer({"mixed": a}), a)
    numbers = a.detach().numpy()
    wanted = l1 * np.abs(numbers) + l2 * np.clip(numbers, -clip, clip)
    np.testing.assert_allclose(found.numpy() * 77, wanted, rtol=1e-5, atol=1e-6)


def test_amplify_and_direction_in_tiles_are_the_whole():
    model = open_model()
    image = torch.from_numpy(rng.uniform(0, 255, (1, 3, 131, 101)).astype(np.float32))
    aim = amplify("blocks.5", clip=2) + direction("blocks.2", list(rng.normal(size=24)), 2)
    score, whole = whole_gradient(model, aim)(image)
    tiled_score, tiled = tiled_gradient(model, aim, 48)(image)
    assert tiled_score == pytest.approx(score, rel=1e-4)
    torch.testing.assert_close(tiled, whole, rtol=1e-3, atol=1e-5 * float(whole.abs().max()))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('amplify("a", clip=0)', r"character 1 \('amplify.*clip"),
        ('2*neuron("a", -1, y=-1)', "character 3 .*counted from 0"),
        ('layer("a") + logit(1.5)', "character 14 .*must be a quoted name or a whole number"),
        ('direction("a", [1, "b"])', "character 1 .*a list, each a number or a quoted name"),
        ('strongest("a", 0)', "at least one channel"),
        ('strongst("a")', "did you mean 'strongest'"),
    ],
)
def test_text_that_cannot_be_is_pointed_at(text, message):
    with pytest.raises(RecipeError, match=message):
        parse(text)


@pytest.mark.parametrize(("classes", "wanted"), [(("a", "b"), "mean"), (("a",), None), ((), None)])
def test_a_models_last_layer_has_its_classes_if_it_has_a_unit_for_each(two_channels, classes, wanted):
    model = Model(
        "named",
        two_channels.network,
        layers=two_channels.layers,
        mean=(0.0, 0.0, 0.0),
        weights_sha256="0" * 64,
        default_layer="sum",
        classes=classes,
    )
    assert model.class_layer == wanted
