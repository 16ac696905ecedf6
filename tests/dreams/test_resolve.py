"""From a recipe to what runs: every option of the step arrives, against NumPy."""

from itertools import pairwise

import numpy as np
import pytest
import torch

import batcountry
from batcountry.dreams.functions import recipe_optimizer
from batcountry.dreams.prepare import prepare
from batcountry.dreams.resolve import resolve
from batcountry.errors import RecipeError
from batcountry.recipe import Recipe
from conftest import WEIGHTS, two_sums

PLAIN = {"param": "pixels", "octaves": 1, "jitter": 0, "clip": False, "objective": 'layer("sum")'}


def steps(photo, model, **options):
    """Return the picture before the first step and after each, (H, W, 3)."""
    found = [np.float64(photo)]
    for step in batcountry.dreaming(photo, model=model, **{**PLAIN, **options}):
        found.append(step.image[0].permute(1, 2, 0).double().numpy())
    return found


def gradient(image):
    """Of the mean of squares of the net on paper."""
    sums = two_sums(image.transpose(2, 0, 1))
    return np.einsum("khw,kc->hwc", sums, WEIGHTS) * 2 / sums.size


SIZES = {
    "mean": lambda g: np.abs(g).mean(),
    "std": lambda g: g.std(),
    "rms": lambda g: np.sqrt((g**2).mean()),
    "none": lambda g: 1.0,
}


@pytest.mark.parametrize("normalize", [None, *SIZES])
def test_ascent_divides_by_what_the_recipe_says(photo, two_channels, normalize):
    size = SIZES[normalize or "mean"]
    before, *rest = steps(photo, two_channels, normalize=normalize, step_size=2.0, iterations=2)
    for after in rest:
        slope = gradient(before)
        np.testing.assert_allclose(after - before, 2.0 * slope / size(slope), rtol=2e-3, atol=1e-4)
        before = after


def test_bands_are_another_way_to_divide_than_all_others(photo, two_channels):
    bands, mean = (
        steps(photo, two_channels, normalize=each, step_size=2.0, iterations=1)[1]
        for each in ("bands", "mean")
    )
    assert np.abs(bands - mean).mean() > 0.1


@pytest.mark.parametrize("strength", ["gentle", "wild"])
def test_steps_decay_as_the_recipe_says_from_the_size_that_its_strength_makes(photo, two_channels, strength):
    found = steps(
        photo, two_channels, step_size=3.0, decay=0.25, decay_every=2, iterations=5, strength=strength
    )
    moved = [np.abs(after - before).mean() for before, after in pairwise(found)]
    first = 3.0 * {"gentle": 0.5, "wild": 1.5}[strength]
    assert moved == pytest.approx([first, first, first / 4, first / 4, first / 16], rel=1e-3)


def adam(slopes, rate, kept):
    m = v = 0
    for t, slope in enumerate(slopes, 1):
        m, v = kept * m + (1 - kept) * slope, 0.999 * v + 0.001 * slope**2
        yield rate * (m / (1 - kept**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


def rmsprop(slopes, rate, kept):
    cache = 0
    for slope in slopes:
        cache = kept * cache + (1 - kept) * slope**2
        yield rate * slope / (np.sqrt(cache) + 1e-8)


def cnn_vis_rmsprop(slopes, rate, kept):
    cache = 0
    for slope in slopes:
        cache = kept * cache + (1 - kept) * slope**2
        yield rate * slope / np.sqrt(cache + 1e-8)


RULES = [("adam", adam, 0.9), ("rmsprop", rmsprop, 0.95), ("rmsprop-cnn-vis", cnn_vis_rmsprop, 0.95)]


@pytest.mark.parametrize(("name", "rule", "usual"), RULES)
@pytest.mark.parametrize("smoothing", [None, 0.5])
def test_optimizers_keep_as_much_of_the_past_as_the_recipe_says(
    photo, two_channels, name, rule, usual, smoothing
):
    found = steps(photo, two_channels, optimizer=name, smoothing=smoothing, step_size=4.0, iterations=3)
    moved = rule([gradient(each) for each in found[:-1]], 4.0, smoothing or usual)
    for (before, after), wanted in zip(pairwise(found), moved, strict=True):
        np.testing.assert_allclose(after - before, wanted, rtol=0.01, atol=1e-3)


def test_bands_go_round_the_edges_that_wrap():
    slope = torch.from_numpy(np.random.RandomState(0).normal(size=(1, 3, 37, 53)).astype(np.float32))
    moved = {}
    for wrap in ("none", "x", "xy"):
        tensor = torch.zeros_like(slope)
        recipe_optimizer(Recipe(normalize="bands", step_size=1.0, wrap=wrap))([tensor]).update([slope])
        moved[wrap] = tensor
    assert not torch.equal(moved["none"], moved["x"])
    assert not torch.equal(moved["x"], moved["xy"])


@pytest.mark.parametrize("jitter", [0, 5])
def test_the_picture_is_moved_by_as_much_as_the_recipe_says_from_its_seed(photo, two_channels, jitter):
    resolved = resolve(Recipe(jitter=jitter, seed=7), {"model": two_channels})
    drawn = resolved.ascent(lambda image, _: (0.0, image)).rng
    image = torch.arange(37 * 53.0).reshape(1, 1, 37, 53).expand(1, 3, -1, -1)
    (move,) = resolved.transforms
    x, y = np.random.RandomState(7).randint(-jitter, jitter + 1, 2) if jitter else (0, 0)
    assert torch.equal(move(image, drawn), torch.roll(image, (int(y), int(x)), (-2, -1)))


def test_transforms_of_the_recipe_come_after_the_jitter(two_channels):
    resolved = resolve(Recipe(transforms="pad(3), crop(20)"), {"model": two_channels})
    assert len(resolved.transforms) == 3
    seen = torch.zeros(1, 3, 37, 53)
    for transform in resolved.transforms:
        seen = transform(seen, np.random.RandomState(0))
    assert seen.shape[-2:] == (20, 20)


@pytest.mark.parametrize("clip", [True, False])
def test_clipping_and_the_parametrization_are_the_recipes(two_channels, clip):
    ascent = resolve(Recipe(clip=clip, param="pixels"), {"model": two_channels}).ascent(
        lambda image, _: (0.0, image)
    )
    after, _ = ascent.step(torch.full((1, 3, 5, 7), 254.9))
    assert float(after.max()) == pytest.approx(255.0 if clip else 254.9 + 1.5)


def test_options_go_over_the_recipe_and_what_is_not_said_is_chosen(two_channels):
    recipe = resolve(Recipe(seed=3, iterations=4), {"model": two_channels, "iterations": 7}).recipe
    assert (recipe.seed, recipe.iterations) == (3, 7)
    assert (recipe.param, recipe.normalize, recipe.step_size) == ("decorrelated", "bands", 2.7)
    assert (recipe.layer, recipe.precision, recipe.model) == ("sum", "exact", "two-channels")
    recipe = resolve(Recipe(optimizer="adam"), {"model": two_channels}).recipe
    assert (recipe.normalize, recipe.step_size) == (None, 2.0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fade": 1.0}, "fade is for pictures that grow transparent"),
        ({"objective": 'layer("sum")', "guide": "a.png"}, "an objective, or a layer and a guide, not both"),
        ({"objective": "tv()"}, "reads no layer of the network"),
        ({"param": "pixel"}, "no param 'pixel'; did you mean 'pixels'"),
        ({"param": "fourier", "normalize": "bands"}, "bands are of pixels, which fourier has none of"),
        ({"param": "fourier", "mask": np.zeros((5, 7, 3), np.uint8)}, "a mask holds pixels still"),
        ({"carry": "details"}, "did you mean 'detail'"),
        ({"color": "keeps"}, "did you mean 'keep'"),
        ({"optimizer": "sgd"}, "there is no optimizer 'sgd'"),
        ({"start": "skies"}, "did you mean 'sky'"),
        ({"transforms": "rotate(900)"}, "rotate is a number of degrees"),
        ({"device": "cuda:77"}, "no device 'cuda:77'"),
        ({"spacing": "linear"}, "spacing is for sizes between"),
        ({"window_batch": 3}, "window_batch is for windows"),
        ({"windows": "16x16", "tile": 64}, "tile 64 does not go with windows"),
        ({"smoothing": 0.5}, "leave smoothing out"),
    ],
)
def test_what_cannot_be_is_said_before_a_network_is_opened(monkeypatch, options, said):
    def never(*_, **__):
        raise AssertionError("a network was opened")

    monkeypatch.setattr("batcountry.dreams.prepare.open_recipe_model", never)
    with pytest.raises(RecipeError, match=said):
        prepare(Recipe(), dict(options))


@pytest.mark.parametrize(
    "options",
    [
        {"carry": "picture", "wrap": "none"},
        {"spacing": "linear", "initial_size": "x0.5"},
        {"spacing": "linear", "final_size": "x2"},
        {"windows": "16x16", "tile": 0, "param": "pixels"},
    ],
)
def test_what_only_looks_as_if_it_could_not_go_together_is_taken(options):
    recipe = prepare(Recipe(), dict(options)).recipe
    assert {name: getattr(recipe, name) for name in options} == options


def test_a_mask_and_a_guide_are_those_that_were_given(photo, two_channels):
    mask = np.zeros((5, 7, 3), np.uint8)
    mask[:2] = 255
    resolved = resolve(Recipe(), {"model": two_channels, "mask": mask, "guide": photo})
    planes = resolved.mask(7)
    assert planes.shape == (1, 1, 5, 7) and float(planes.sum()) == 14
    assert str(resolved.objective).startswith('guide("sha256:') and resolved.recipe.mask.startswith("sha256:")
    assert resolved.objective.layers == ("sum",)
    assert resolve(Recipe(), {"model": two_channels}).mask is None
