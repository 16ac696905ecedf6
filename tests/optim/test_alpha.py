"""Pictures that grow transparent: what the network sees of them, what fades, and what comes out."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image

import batcountry
from batcountry.atlas import building, looking
from batcountry.cli import main
from batcountry.dreams.resolve import resolve
from batcountry.dreams.visualize import visualizing
from batcountry.errors import RecipeError
from batcountry.image.reading import read_picture
from batcountry.image.statistics import MEAN, natural_noise
from batcountry.jobs import dream_on_disk
from batcountry.motion.recipes import ZoomRecipe
from batcountry.objectives import channel, drift, layer, opacity, parse, region, tv
from batcountry.optim import alpha
from batcountry.optim.param import PARAMS, with_alpha
from batcountry.recipe import Note, Recipe

small = {"octaves": 2, "iterations": 3, "jitter": 3, "seed": 4}
start = {"canvas": "24x40", "start": "noise(20)", **small}


def pictures(height=7, width=11, count=2, seed=0, dtype=torch.float64):
    levels = np.random.RandomState(seed).uniform(1, 254, (count, 4, height, width))
    return torch.from_numpy(levels).to(dtype)


def test_pictures_are_laid_over_a_ground_as_their_opacity_says():
    image, ground = pictures(), pictures(count=1, seed=1)[:, :3]
    found = alpha.laid_over(image, ground).numpy()
    for n in range(2):
        for c in range(3):
            share = image[n, 3].numpy() / 255
            wanted = share * image[n, c].numpy() + (1 - share) * ground[0, c].numpy()
            np.testing.assert_allclose(found[n, c], wanted)


def test_the_gradient_of_what_is_seen_is_that_of_finite_differences():
    ground = pictures(5, 3, count=1, seed=1)[:, :3]
    image = pictures(5, 3, count=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: alpha.laid_over(x, ground), (image,))


def test_each_step_has_another_ground_in_the_colors_of_photographs_and_what_is_beside_stays():
    clear = torch.zeros(2, 6, 48, 64)
    clear[:, 4:] = pictures(48, 64, dtype=torch.float32)[:, :2]
    rng = np.random.RandomState(0)
    first, other = (alpha.over_noise(clear, rng) for _ in range(2))
    assert first.shape == (2, 5, 48, 64)
    assert torch.equal(first, alpha.over_noise(clear, np.random.RandomState(0)))
    assert float((first - other)[:, :3].abs().mean()) > 10
    assert torch.equal(first[0, :3], first[1, :3])
    assert torch.equal(first[:, 3:], clear[:, 4:])
    np.testing.assert_allclose(first[0, :3].mean((1, 2)) / 255, MEAN, atol=0.06)


def test_natural_noise_falls_as_one_over_f_in_brightness():
    white = torch.from_numpy(np.random.RandomState(2).normal(size=(1, 3, 96, 96)))
    waves = np.abs(np.fft.fft2(natural_noise(white, 0.3)[0].mean(0).numpy()))[0]
    low, high = waves[2:6].mean(), waves[20:40].mean()
    assert low / high == pytest.approx(30 / 4, rel=0.5)


def test_alpha_decay_takes_a_multiple_of_the_mean_gradient_from_the_opacity_of_each_picture_if_that_is_upwards():
    stack = pictures().requires_grad_()
    weights = pictures(seed=3) - 100
    weights[1] = -weights[1]
    seen = alpha.alpha_decay(0.5)(stack, np.random)
    assert torch.equal(seen, stack)
    (found,) = torch.autograd.grad((seen * weights).sum(), stack)
    wanted = weights.numpy().copy()
    for n in range(2):
        wanted[n, 3] -= 0.5 * max(weights[n, 3].numpy().mean(), 0)
    assert weights[0, 3].mean() > 0 > weights[1, 3].mean()
    np.testing.assert_allclose(found.numpy(), wanted)


@pytest.mark.parametrize("name", list(PARAMS))
def test_a_picture_with_alpha_comes_back_as_it_went_in_and_stays_within_its_range(name):
    image = pictures()
    param = with_alpha(PARAMS[name])(image)
    assert float((param.image() - image).abs().max().detach()) < 1e-6
    assert all(each.requires_grad and each.is_leaf and len(each) == 2 for each in param.tensors)
    with torch.no_grad():
        for each in param.tensors:
            each.mul_(40)
    param.constrain(False)
    grown = param.image()[:, 3].detach()
    assert float(grown.amin()) >= 0
    assert float(grown.amax()) <= 255


@pytest.mark.parametrize(("name", "how"), [("pixels", "ascent"), ("soft-fourier", "adam")])
def test_a_dream_grows_an_opacity_of_its_own_that_the_seed_repeats(two_channels, name, how, tmp_path):
    options = {"model": two_channels, "alpha": True, "objective": channel("mean", 0), **start}
    options |= {"param": name, "optimizer": how}
    dream, same, other = (batcountry.dream(**{**options, "seed": seed}) for seed in (4, 4, 5))
    assert dream.alpha.shape == (24, 40)
    assert dream.alpha.std() > 0.5
    assert np.array_equal(dream.alpha, same.alpha)
    assert np.array_equal(dream.pixels, same.pixels)
    assert not np.array_equal(dream.alpha, other.alpha)
    recipe = Note.read(dream.note).recipe
    assert recipe.alpha
    assert Recipe.read(recipe.model_dump_json()) == recipe
    again = batcountry.dream(recipe=recipe, model=two_channels)
    assert np.array_equal(again.alpha, dream.alpha)
    stored = read_picture(dream.save(tmp_path / "dream.png"))
    assert np.array_equal(stored.alpha, dream.alpha)


@pytest.mark.parametrize(("param", "stays"), [("pixels", 220), ("decorrelated", 200)])
def test_what_the_network_does_not_see_fades_and_what_it_sees_stays(two_channels, param, stays):
    """The network looks at the left half only; where the gradient is taken band by band the border is soft."""
    run = two_channels.network.run
    two_channels.network.run = lambda x, layers: run(x * (torch.arange(x.shape[-1]) < 20), layers)
    options = {"canvas": "24x40", "start": "gray(240)", "octaves": 1, "iterations": 30, "jitter": 0}
    options |= {"alpha": True, "fade": 1.5, "step_size": 8, "param": param}
    dream = batcountry.dream(model=two_channels, objective=channel("sum", 0), **options)
    assert dream.alpha[:, :20].mean() > stays
    assert dream.alpha[:, 20:].max() < 20


def test_a_given_picture_begins_with_its_own_opacity_or_opaque(two_channels, photo):
    faint_photo = np.dstack([photo, np.full(photo.shape[:2], 40, np.uint8)])
    options = {"model": two_channels, "alpha": True, "step_size": 1e-3, **small}
    clear, opaque = (batcountry.dream(each, **options).alpha for each in (faint_photo, photo))
    assert abs(float(clear.mean()) - 40) < 1
    assert opaque.min() >= 254


def test_without_alpha_the_opacity_is_the_pictures_and_nothing_lies_between_it_and_the_network(two_channels):
    resolved = resolve(Recipe(), {"model": two_channels})
    assert len(resolved.view) == len(resolved.transforms) == 1
    assert resolved.make_param is PARAMS["decorrelated"]


def test_opacity_is_a_score_of_the_image_that_masks_can_weigh(two_channels, photo):
    image = pictures(24, 40)
    activations = {"@image": image}
    score = alpha.of_colors(opacity().bind(two_channels))(activations)
    assert float(score) == pytest.approx(image[:, 3].numpy().mean((1, 2)).sum() / 255)
    assert parse('layer("sum") - 0.5*opacity()') == layer("sum") - 0.5 * opacity()
    mask = np.uint8(255 * (np.arange(40) < 20))[None].repeat(24, 0)
    aim = layer("sum") - 1e6 * region(mask, opacity())
    dream = batcountry.dream(model=two_channels, objective=aim, alpha=True, fade=0, **start)
    assert dream.alpha[:, :18].mean() < dream.alpha[:, 22:].mean() - 5


def test_penalties_see_colors_alone(two_channels):
    image = pictures(9, 14)
    (term,) = [scorer for _, _, scorer in tv().scorers(two_channels)]
    whole = alpha.of_colors(tv().bind(two_channels))({"@image": image})
    assert float(whole) == pytest.approx(float(term({"@image": image[:, :3]}).mean((1, 2)).sum()))
    assert batcountry.dream(
        model=two_channels, objective=layer("sum") - drift(), alpha=True, **start
    ).alpha.any()


def test_tiles_give_the_opacity_that_the_whole_gives(two_channels):
    options = {"model": two_channels, "alpha": True, "objective": layer("sum"), **start}
    whole, tiled = (batcountry.dream(**options, tile=side) for side in (0, 8))
    np.testing.assert_allclose(np.float32(tiled.alpha), whole.alpha, atol=1)
    np.testing.assert_allclose(tiled.pixels, whole.pixels, atol=0.05)


def test_a_transparent_picture_of_a_batch_is_the_one_made_alone(two_channels):
    aims = [channel("mean", 0), -1 * channel("mean", 1) - 0.1 * opacity()]
    options = {
        "model": two_channels,
        "alpha": True,
        "preset": "thumbnail",
        "canvas": "24x40",
        "iterations": 4,
    }
    together = [each.pictures() for each in visualizing(aims, **options)][-1]
    for aim, one in zip(aims, together, strict=True):
        alone = batcountry.dream(objective=aim, **options)
        np.testing.assert_allclose(one.pixels, alone.pixels, atol=0.05)
        np.testing.assert_allclose(np.float32(one.alpha), alone.alpha, atol=1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"alpha": True, "windows": "16x16"}, "alpha does not go with windows"),
        ({"objective": layer("sum") - opacity()}, "reads the opacity that a picture has with alpha"),
        ({"fade": 3}, "fade is for pictures that grow transparent"),
        ({"alpha": True, "fade": -1}, "fade"),
    ],
)
def test_what_cannot_be_is_said_before_any_work(two_channels, options, said):
    with pytest.raises(RecipeError, match=said):
        batcountry.dreaming(model=two_channels, **{**start, **options})


def test_films_and_pictures_on_disk_have_no_alpha(two_channels, tmp_path):
    with pytest.raises(RecipeError, match="films have no alpha"):
        ZoomRecipe.of({"alpha": True})
    with pytest.raises(RecipeError, match="alpha cannot be True there"):
        dream_on_disk(None, tmp_path / "dream.tif", model=two_channels, alpha=True, canvas="24x40")


def test_edges_of_an_opacity_fit_where_the_picture_wraps():
    ramp = np.uint8(np.linspace(0, 255, 40))[None].repeat(24, 0)
    picture = read_picture(np.dstack([np.zeros((24, 40, 3), np.uint8), ramp]))
    across, none = (alpha.initial_alpha(picture, (False, each), made=False).alpha for each in (True, False))
    assert np.array_equal(none, ramp)
    assert np.abs(np.float32(across[:, 0]) - across[:, -1]).max() < 40


def test_networks_of_other_channels_have_no_alpha(two_channels):
    two_channels.mean = (0.0,)
    with pytest.raises(RecipeError, match="the network takes 1 channels"):
        batcountry.dreaming(model=two_channels, alpha=True)


def test_atlases_and_looks_are_opaque(two_channels, photo, tmp_path):
    for begin in (building, lambda out, model, **more: looking(photo, out, model, **more)):
        with pytest.raises(RecipeError, match="no alpha"):
            begin(tmp_path / "out", two_channels, alpha=True)
    assert not (tmp_path / "out").exists()


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["bat-country", *map(str, arguments)])
    try:
        main()
    except SystemExit as stop:
        return stop.code or 0
    return 0


@pytest.mark.parametrize("command", ["dream", "visualize"])
def test_a_format_without_transparency_is_refused_before_any_work(command, tmp_path, monkeypatch, capsys):
    target = tmp_path / "dream.jpg"
    assert run(monkeypatch, command, "--alpha", "-o", target) == 2
    assert "dream.jpg would have no transparency" in " ".join(capsys.readouterr().err.split())
    assert not target.exists()


def test_the_command_line_writes_a_transparent_picture(tmp_path, monkeypatch):
    target = tmp_path / "dream.png"
    asked = ["dream", "--alpha", "--fade", "0.5", "--canvas", "32x48", "--octaves", "1", "--iterations", "2"]
    assert run(monkeypatch, *asked, "-o", target) == 0
    with Image.open(target) as image:
        assert image.mode == "RGBA"
