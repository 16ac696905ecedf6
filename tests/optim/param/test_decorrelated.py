"""Decorrelated pixels: colors that are free, within what a screen has."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import batcountry
from batcountry.dreams.resolve import resolve
from batcountry.errors import RecipeError
from batcountry.image.statistics import MIX
from batcountry.optim.param import Decorrelated, with_alpha
from batcountry.optim.param.decorrelated import from_decorrelated, to_decorrelated
from batcountry.recipe import Recipe


def levels(low, high, height=7, width=11, seed=0):
    found = np.random.RandomState(seed).uniform(low, high, (2, 3, height, width))
    return torch.from_numpy(found)


@given(height=st.integers(1, 19), width=st.integers(1, 19), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_a_picture_comes_back_as_it_went_in(height, width, seed):
    image = levels(0.25, 254.75, height, width, seed)
    torch.testing.assert_close(Decorrelated(image).image(), image)


def test_black_and_white_come_back_as_black_and_white_when_they_are_rounded():
    image = torch.tensor([0.0, 255.0, -30.0, 300.0, 117.0]).expand(1, 3, 1, 5)
    assert Decorrelated(image).image()[0, 0, 0].round().tolist() == [0, 255, 0, 255, 117]


def test_colors_are_those_of_the_formula():
    image = levels(1, 254)
    mix = np.array(MIX)
    mix /= np.sqrt((mix**2).sum(0)).max()
    share = image.numpy() / 255
    latent = np.einsum("ij,njhw->nihw", np.linalg.inv(mix), np.log(share / (1 - share)))
    np.testing.assert_allclose(to_decorrelated(image).numpy(), latent * 255 / 4 / np.sqrt(3), rtol=1e-12)


def test_a_unit_of_brightness_is_about_a_gray_level_of_middle_gray():
    gray = torch.full((1, 3, 1, 1), 127.5, dtype=torch.float64)
    colors = to_decorrelated(gray)
    colors[:, 0] += 1
    assert float((from_decorrelated(colors) - gray).mean()) == pytest.approx(1, rel=0.01)


def test_its_gradient_is_that_of_finite_differences():
    colors = to_decorrelated(levels(1, 254, 3, 5))
    param = Decorrelated(levels(1, 254, 3, 5))
    weights = levels(-1, 1, 3, 5, seed=4)
    (found,) = torch.autograd.grad((param.image() * weights).sum(), param.tensors)
    step, wanted = 1e-5, torch.zeros_like(found)
    for index in np.ndindex(*found.shape):
        moved = colors.detach().clone()
        moved[index] += step
        above = (from_decorrelated(moved) * weights).sum()
        moved[index] -= 2 * step
        wanted[index] = (above - (from_decorrelated(moved) * weights).sum()) / (2 * step)
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-8)


def test_it_is_the_default_where_pictures_have_colors_and_pixels_elsewhere(two_channels):
    def chosen(**options):
        recipe = resolve(Recipe(), {"model": two_channels, **options}).recipe
        return recipe.param, recipe.normalize, recipe.step_size

    assert chosen() == ("decorrelated", "bands", 2.7)
    assert chosen(param="pixels") == chosen(windows="9x9") == chosen(clip=False) == ("pixels", "mean", 1.5)
    assert chosen(param="pixels", normalize="bands")[1] == "bands"
    assert chosen(optimizer="adam") == ("decorrelated", None, 2.0)
    assert chosen(param="fourier", optimizer="adam") == ("fourier", None, 0.05)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"param": "decorrelated", "windows": "9x9"}, "does not go with windows"),
        ({"param": "decorrelated", "clip": False}, "decorrelated is for colors.*use pixels"),
        ({"param": "fourier", "normalize": "bands"}, "bands are of pixels, which fourier has none of"),
        ({"optimizer": "adam", "normalize": "bands"}, "leave normalize out, or use ascent"),
    ],
)
def test_what_does_not_go_together_is_said(two_channels, options, said):
    with pytest.raises(RecipeError, match=said):
        resolve(Recipe(), {"model": two_channels, **options})


def test_strength_is_how_far_steps_go(two_channels, photo):
    options = {"model": two_channels, "octaves": 1, "iterations": 1, "jitter": 0}
    changes = {
        strength: batcountry.dream(photo, strength=strength, **options).pixels - photo
        for strength in ("gentle", "normal", "wild")
    }
    size = {strength: np.abs(change).mean() for strength, change in changes.items()}
    assert 1.8 < size["normal"] / size["gentle"] < 2.2
    assert 1.35 < size["wild"] / size["normal"] < 1.65


def test_a_mask_holds_pixels_still(two_channels, photo):
    mask = np.zeros((37, 53), np.uint8)
    mask[:, 30:] = 255
    dreamed = batcountry.dream(photo, model=two_channels, mask=mask, octaves=2, iterations=2).array()
    assert np.array_equal(dreamed[:, :30], photo[:, :30])
    assert not np.array_equal(dreamed[:, 30:], photo[:, 30:])


def test_opacity_goes_with_it_pixel_by_pixel():
    image = torch.cat([levels(1, 254), levels(1, 254, seed=3)[:, :1]], 1)
    param = with_alpha(Decorrelated)(image)
    torch.testing.assert_close(param.image(), image)
    assert [tuple(each.shape) for each in param.tensors] == [(2, 3, 7, 11), (2, 1, 7, 11)]
