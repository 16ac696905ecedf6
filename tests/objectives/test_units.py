"""Neurons, classes and directions, against numbers worked out in NumPy."""

import io

import numpy as np
import pytest
import torch

from batcountry.errors import ModelError, RecipeError
from batcountry.models import Layer, Model, open_model
from batcountry.models.classes import class_index
from batcountry.objectives import amplify, direction, logit, neuron, parse
from batcountry.objectives.units import likeness
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
    assert float(tiled_score) == pytest.approx(float(score), rel=1e-4)
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


@pytest.mark.parametrize(
    ("place", "at"), [((0, 0), (0, 0)), ((3, 500), (3, 40)), ((None, 7), (11, 7)), ((5, None), (5, 20))]
)
def test_a_neuron_has_a_middle_and_a_last_place_along_each_axis(mixed, place, at):
    score, gradient = whole_gradient(mixed, neuron("mixed", 4, *place))(IMAGE)
    assert score == pytest.approx(activations()[4][at], rel=1e-4)
    assert gradient[0].abs().sum(0).nonzero().tolist() == [list(at)]


@pytest.mark.parametrize("place", [{"y": -1}, {"x": -1}, {"y": 3, "x": -1}, {"y": -1, "x": 3}])
def test_a_neurons_place_is_counted_from_0(place):
    with pytest.raises(RecipeError, match="counted from 0"):
        neuron("mixed", 0, **place)


def test_a_layer_of_classes_has_neither_places_for_a_neuron_nor_needs_them_for_a_direction(mixed):
    with pytest.raises(RecipeError, match="'classes' has no height and width, which a neuron needs"):
        whole_gradient(mixed, neuron("classes", 0))(IMAGE)
    vector = rng.normal(size=5)
    wanted = float(vector @ activations().mean((1, 2)))
    assert whole_gradient(mixed, direction("classes", vector))(IMAGE)[0] == pytest.approx(wanted, rel=1e-3)


def test_a_class_of_a_layer_with_places_is_its_mean_over_them(mixed):
    score, gradient = whole_gradient(mixed, logit("crane", "mixed"))(IMAGE)
    assert score == pytest.approx(activations()[4].mean(), rel=1e-4)
    assert (gradient != 0).all()


def test_each_picture_of_a_batch_is_scored_by_itself(mixed):
    batch = torch.cat([IMAGE, IMAGE.flip(-1) * 0.5, IMAGE * 0.2])
    seen = mixed.activations(batch, ("mixed", "classes"))
    for aim, shape in (
        (neuron("mixed", 1, 2, 3), (3,)),
        (logit(2), (3,)),
        (logit(2, "mixed"), (3,)),
        (direction("mixed", [1.0, 2, 3, 4, 5], 2), (3, 23, 41)),
        (amplify("mixed"), (3, 23, 41)),
    ):
        ((_, _, scorer),) = aim.scorers(mixed)
        found = scorer({**seen, "@classes": seen["classes"]})
        assert found.shape == shape
        alone = scorer({key: each[1:2] for key, each in {**seen, "@classes": seen["classes"]}.items()})
        torch.testing.assert_close(found[1:2], alone)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_likeness_turns_to_nothing_where_nothing_is_and_never_the_other_way(power):
    wanted = torch.tensor([3.0, 4.0]).reshape(1, 2, 1)
    activation = torch.tensor([[[0.0, -3.0, 4.0, 3e-7], [0.0, -4.0, -3.0, 4e-7]]])
    found = likeness(activation, wanted, power)
    # nothing; the opposite, whose cosine of -1 counts as 0.1; at a right angle; alike, but next to nothing
    expected = [0.0, -25 * 0.1**power, 0.0, 25e-7]
    np.testing.assert_allclose(found[0].numpy(), expected, rtol=1e-4, atol=1e-12)


def test_likeness_without_a_power_is_the_dot_product():
    activation = torch.tensor([[[1.0, -2.0], [5.0, 7.0]]])
    assert likeness(activation, torch.tensor([3.0, 4.0]).reshape(1, 2, 1), 0.0).tolist() == [[23.0, 22.0]]


def test_a_file_of_numbers_may_have_any_shape_and_kind_but_not_more_than_a_million(mixed, tmp_path):
    np.save(tmp_path / "v.npy", np.arange(5, dtype=np.int64).reshape(5, 1))
    wanted = np.einsum("k,khw->hw", np.arange(5), activations()).mean()
    aim = direction("mixed", tmp_path / "v.npy")
    assert whole_gradient(mixed, aim)(IMAGE)[0] == pytest.approx(wanted, rel=1e-3)
    np.save(tmp_path / "v.npy", np.zeros(1_000_001, np.float32))
    with pytest.raises(RecipeError, match="more than a million numbers"):
        direction("mixed", tmp_path / "v.npy").bind(mixed)
    np.save(tmp_path / "v.npy", np.zeros(1_000_000, np.float32))
    with pytest.raises(RecipeError, match="5 finite numbers, not 1000000 as given"):
        direction("mixed", tmp_path / "v.npy").bind(mixed)


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


TEXTS, CUT = npy(np.array(["a", "b"])), npy(np.zeros(5))[:-3]


@pytest.mark.parametrize("text", [b"", b"no numbers", b"\x93NUMPY\x01\x00", b"PK\x03\x04", TEXTS, CUT])
def test_a_file_that_holds_no_numbers_is_refused(mixed, tmp_path, text):
    (tmp_path / "v.npy").write_bytes(text)
    with pytest.raises(RecipeError, match=r"v\.npy cannot be read as a direction: .*; give a \.npy file"):
        direction("mixed", str(tmp_path / "v.npy")).bind(mixed)


@pytest.mark.parametrize("clip", [0.0, -1.0])
def test_amplify_has_a_clip_of_more_than_nothing(clip):
    with pytest.raises(RecipeError, match="clip of amplify"):
        amplify("a", clip=clip)


def test_the_score_of_amplify_is_what_has_that_gradient(mixed):
    a = np.array([-7.0, -0.5, 0.25, 9.0])
    scorer = amplify("mixed", 0.75, 2.0, 3.0).bind(mixed)
    huber = np.where(np.abs(a) < 3, a * a / 2, 3 * (np.abs(a) - 1.5))
    wanted = (0.75 * a * np.abs(a) / 2 + 2 * huber).sum()
    assert float(scorer({"mixed": torch.from_numpy(a).reshape(1, 4, 1, 1)})) == pytest.approx(wanted)
    assert float(amplify("mixed", 1, 1, 5).bind(mixed)({"mixed": torch.ones(1, 1, 1, 1)})) == pytest.approx(
        1.0
    )


def test_likeness_may_be_with_another_vector_at_each_place_of_each_picture():
    activation, wanted = (rng.normal(size=(2, 3, 5, 7)) for _ in range(2))
    dot = (activation * wanted).sum(1)
    cosine = dot / np.linalg.norm(activation, axis=1) / np.linalg.norm(wanted, axis=1)
    found = likeness(torch.from_numpy(activation), torch.from_numpy(wanted), 1.5)
    np.testing.assert_allclose(found.numpy(), dot * np.maximum(cosine, 0.1) ** 1.5, rtol=1e-9)


def test_a_direction_is_scored_in_the_precision_of_the_activations(mixed):
    scorer = direction("mixed", [1.0, 2, 3, 4, 5]).bind(mixed)
    for dtype in (torch.bfloat16, torch.float64):
        assert scorer({"mixed": torch.ones(1, 5, 3, 7, dtype=dtype)}).dtype == dtype
