"""Objectives that read other pictures, against numbers worked out in NumPy."""

import numpy as np
import pytest
import torch
from PIL import Image

import batcountry
from batcountry.errors import RecipeError
from batcountry.models import open_model
from batcountry.objectives import (
    START,
    caricature,
    content,
    diversity,
    guide,
    parse,
    region,
    strongest,
    style,
    weakest,
)
from batcountry.optim.aux_inputs import Pictures
from batcountry.optim.gradient import tiled_gradient, whole_gradient
from conftest import two_sums

rng = np.random.RandomState(8)


def noise(*shape):
    return torch.from_numpy(rng.uniform(0, 255, shape).astype(np.float32))


def scored(model, aim, image, start=None):
    aux_inputs = Pictures(aim).at(image if start is None else start)
    return whole_gradient(model, aim)(image, aux_inputs)


def test_content_is_minus_the_mean_squared_distance_of_features(two_channels):
    image, start = noise(1, 3, 23, 41), noise(1, 3, 23, 41)
    score, _ = scored(two_channels, content("start", "sum"), image, start)
    assert score == pytest.approx(-((two_sums(image) - two_sums(start)) ** 2).mean(), rel=1e-4)


def test_a_picture_to_compare_with_is_resized_to_the_picture(two_channels, tmp_path):
    flat = np.tile(np.uint8([200, 90, 40]), (50, 90, 1))
    Image.fromarray(flat).save(tmp_path / "flat.png")
    image = noise(1, 3, 23, 41)
    score, _ = scored(two_channels, content(str(tmp_path / "flat.png"), "sum"), image)
    assert score == pytest.approx(
        -((two_sums(image) - two_sums(flat[:1, :1].transpose(2, 0, 1))) ** 2).mean(), rel=1e-4
    )


@pytest.mark.parametrize(("options", "power"), [({}, 2), ({"power": 3}, 3), ({"power": 0}, 0)])
def test_caricature_is_the_dot_product_with_the_start_weighed_with_the_cosine(two_channels, options, power):
    image, start = noise(1, 3, 23, 41), noise(1, 3, 23, 41)
    ours, theirs = two_sums(image)[0], two_sums(start)[0]
    dot = (ours * theirs).sum(0)
    cosine = np.maximum(dot / np.linalg.norm(ours, axis=0) / np.linalg.norm(theirs, axis=0), 0.1)
    assert cosine.min() < 0.5 < 0.9 < cosine.max()
    score, _ = scored(two_channels, caricature("sum", **options), image, start)
    assert score == pytest.approx((dot * cosine**power).mean(), rel=1e-4)


def test_style_is_the_relative_distance_of_gram_matrices(two_channels):
    picture, image = rng.randint(0, 256, (31, 17, 3)).astype(np.uint8), noise(1, 3, 23, 41)
    ours, theirs = (
        np.einsum("chw,dhw->cd", each, each) / each[0].size
        for each in (two_sums(image)[0], two_sums(picture.transpose(2, 0, 1)))
    )
    wanted = -((ours - theirs) ** 2).sum() / (theirs**2).sum()
    score, _ = scored(two_channels, style(picture, "sum"), image)
    assert score == pytest.approx(wanted, rel=1e-4)


def test_diversity_is_the_mean_over_pictures_of_the_cosines_with_the_others():
    model = open_model()
    batch = torch.cat([noise(2, 3, 64, 48), torch.full((1, 3, 64, 48), 30.0)])
    found = model.activations(batch, ("blocks.2",))["blocks.2"].double().numpy()
    grams = [np.einsum("chw,dhw->cd", each, each) for each in found]
    flat = [each.ravel() / np.linalg.norm(each) for each in grams]
    pairs = sum(a @ b for i, a in enumerate(flat) for j, b in enumerate(flat) if i != j) / 3
    assert whole_gradient(model, diversity("blocks.2"))(batch)[0] == pytest.approx(pairs, rel=1e-4)


def test_diversity_of_one_picture_is_refused_before_any_work(photo):
    with pytest.raises(RecipeError, match="here is only one"):
        batcountry.dreaming(photo, objective='layer("blocks.2") - diversity("blocks.2")', octaves=1)


@pytest.mark.parametrize("kind", [strongest, weakest])
def test_the_channels_are_those_that_the_start_excites(kind):
    model = open_model()
    image, start = noise(1, 3, 64, 48), noise(1, 3, 64, 48)
    order = model.activations(start, ("blocks.5",))["blocks.5"][0].double().mean((1, 2)).argsort()
    chosen = order[-3:] if kind is strongest else order[:3]
    ours = model.activations(image, ("blocks.5",))["blocks.5"][0, chosen]
    score, _ = scored(model, kind("blocks.5", 3), image, start)
    assert score == pytest.approx(float(ours.mean()), rel=1e-4)


@pytest.mark.parametrize("kind", [strongest, weakest])
def test_each_picture_has_its_own_channel_place_by_place_one_if_nothing_is_said(two_channels, kind):
    flat = [np.reshape(each, (3, 1, 1)) + np.zeros((3, 5, 7)) for each in ((200, 0, 9), (0, 9, 200))]
    start, image = np.stack(flat), rng.uniform(0, 255, (2, 3, 5, 7))
    means = two_sums(start).mean((2, 3))
    best = means.argmax(1) if kind is strongest else means.argmin(1)
    assert list(means.argmax(1)) == [0, 1]
    ((_, term),) = kind("sum").terms
    seen = {"sum": torch.from_numpy(two_sums(image)), START: torch.from_numpy(start)}
    found = term.bind(two_channels)(seen)
    np.testing.assert_allclose(found.numpy(), two_sums(image)[[0, 1], best], rtol=1e-4)


def test_before_the_relu_is_another_layer_than_after_it(googlenet):
    model = open_model(googlenet)
    start = noise(1, 3, 64, 48)
    before, after = (scored(model, weakest(name, 2), start)[0] for name in ("conv2/3x3", "conv2/relu_3x3"))
    assert before < after


def test_there_are_no_more_channels_than_a_layer_has(two_channels):
    with pytest.raises(RecipeError, match="has 2 channels"):
        strongest("sum", 3).bind(two_channels)
    strongest("sum", 2).bind(two_channels)


@pytest.mark.parametrize("aim", [caricature("blocks.5"), content("start", "blocks.5")])
def test_comparisons_in_tiles_and_in_regions_are_the_whole(aim):
    model = open_model()
    image, start = noise(1, 3, 131, 101), noise(1, 3, 131, 101)
    wanted = aim + 0.5 * region(rng.randint(0, 256, (131, 101, 3)).astype(np.uint8), aim)
    aux_inputs = Pictures(wanted).at(start)
    score, whole = whole_gradient(model, wanted)(image, aux_inputs)
    tiled_score, tiled = tiled_gradient(model, wanted, 48)(image, aux_inputs)
    assert float(tiled_score) == pytest.approx(float(score), rel=1e-4)
    torch.testing.assert_close(tiled, whole, rtol=1e-3, atol=1e-5 * float(whole.abs().max()))


def test_several_guides_of_any_size_are_weighted(two_channels):
    image = noise(1, 3, 23, 41)
    guides = [rng.randint(0, 256, size).astype(np.uint8) for size in ((9, 31, 3), (40, 12, 3))]
    ours = two_sums(image)[0].reshape(2, -1)
    best = [(ours.T @ two_sums(each.transpose(2, 0, 1)).reshape(2, -1)).max(1) for each in guides]
    aim = 0.25 * guide(guides[0], "sum") + 3 * guide(guides[1], "sum")
    wanted = 0.25 * best[0].mean() + 3 * best[1].mean()
    assert scored(two_channels, aim, image)[0] == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("make", [lambda p: style(p, "sum"), lambda p: content(p, "sum")])
def test_a_picture_that_was_no_file_cannot_be_read_back_from_text(two_channels, make):
    aim = make(np.zeros((5, 7, 3), np.uint8))
    with pytest.raises(RecipeError, match="was not a file"):
        parse(str(aim)).bind(two_channels)


def test_text_and_value_are_the_same():
    for aim in (caricature("a", "b.png", 3), content("start", "a"), style("s.png", "a"), weakest("a", 4)):
        assert parse(str(aim)) == aim
    assert START in caricature("a").aux_inputs


def test_features_of_another_picture_come_with_a_dream(photo, tmp_path):
    Image.fromarray(photo).save(tmp_path / "p.png")
    aim = content(str(tmp_path / "p.png"), "stem")
    steps = [
        step.score
        for step in batcountry.dreaming(
            objective=str(aim),
            start="noise(20)",
            canvas="48x64",
            octaves=1,
            iterations=12,
            jitter=4,
            step_size=3,
        )
    ]
    assert steps[-1] > steps[0]
