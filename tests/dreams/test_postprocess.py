"""What is shown of a dream, against NumPy."""

import numpy as np
import pytest
import torch

from batcountry.dreams.postprocess import check_color, displayed, finished
from batcountry.errors import RecipeError
from batcountry.image import color
from batcountry.image.picture import Picture
from batcountry.recipe import Recipe

rng = np.random.RandomState(5)
ORIGINAL = torch.from_numpy(rng.uniform(0, 255, (1, 3, 37, 53)).astype(np.float32))


def dreamed(low, high):
    """A dream of another size than its picture, (2, 3, 71, 109), of which the second picture is not to be shown."""
    first = rng.uniform(low, high, (1, 3, 71, 109)).astype(np.float32)
    return torch.from_numpy(np.concatenate([first, first * 0 + 9]))


def shown(image, **options):
    return displayed(image, ORIGINAL, Recipe(**options))


def planes(image):
    return image[0].permute(1, 2, 0).double().numpy()


def test_a_dream_is_shown_as_it_is_within_the_range_of_a_screen():
    image = dreamed(-60, 320)
    found = shown(image)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.clip(planes(image), 0, 255).astype(np.float32))


@pytest.mark.parametrize(("low", "high"), [(-30, 900), (-30, 90)])
def test_without_clip_the_brightest_two_in_ten_thousand_become_white_and_all_others_go_with_them(low, high):
    image = dreamed(low, high)
    values = np.sort(planes(image), axis=None)
    at = 0.9998 * (values.size - 1)
    below = int(at)
    brightest = values[below] + (at - below) * (values[below + 1] - values[below])
    assert brightest < values[-1]
    wanted = np.clip(planes(image) * 255 / brightest, 0, 255)
    np.testing.assert_allclose(shown(image, clip=False), wanted, rtol=1e-4)


def test_without_clip_a_dream_that_is_black_all_over_stays_so():
    found = shown(dreamed(-2, 0.5), clip=False)
    assert 0 < found.max() <= 255 * 0.5
    image = torch.full((1, 3, 5, 7), 1.5)
    np.testing.assert_allclose(shown(image, clip=False), 255)


def test_full_contrast_is_had_by_a_dream_of_little_contrast():
    image = torch.linspace(90, 90.5, 105).reshape(1, 3, 5, 7)
    wanted = (planes(image) - 90) / 0.5 * 255
    np.testing.assert_allclose(shown(image, rescale=True), wanted, atol=0.01)


@pytest.mark.parametrize("clip", [True, False])
def test_full_contrast_goes_from_black_to_white_and_comes_instead_of_the_brightest(clip):
    image = dreamed(-200, 700)
    low, high = planes(image).min(), planes(image).max()
    wanted = (planes(image) - low) / (high - low) * 255
    np.testing.assert_allclose(shown(image, clip=clip, rescale=True), wanted, atol=1e-3)


def test_full_contrast_of_one_even_colour_is_no_division_by_nothing():
    assert (shown(torch.full((1, 3, 5, 7), 90.0), rescale=True) == 0).all()


@pytest.mark.parametrize("name", ["keep", "match"])
def test_colours_are_taken_from_the_original_at_the_dreams_size_within_the_range_of_a_screen(name):
    image = dreamed(-60, 320)
    like = torch.nn.functional.interpolate(ORIGINAL, (71, 109), mode="bilinear", antialias=True)
    wanted = color.COLOR_MODES[name](image[:1].clamp(0, 255), like).clamp(0, 255)
    found = shown(image, color=name)
    np.testing.assert_allclose(found, planes(wanted), atol=1e-4)
    assert np.abs(found - shown(image)).mean() > 1


@pytest.mark.parametrize(("far", "near"), [(300.0, 255.0), (-40.0, 0.0)])
def test_an_original_beyond_the_range_of_a_screen_counts_as_its_end(far, near):
    image = dreamed(0, 255)
    found, wanted = (
        displayed(image, torch.full_like(ORIGINAL, each), Recipe(color="match")) for each in (far, near)
    )
    np.testing.assert_array_equal(found, wanted)


def test_what_a_way_with_colors_is_given_and_gives_is_within_the_range_of_a_screen(registered):
    told = []

    def noted(dream, original):
        told.append((dream, original))
        return dream * 3 - 200

    registered(color.COLOR_MODES, "noted", noted)
    image = dreamed(-60, 320)
    found = displayed(image, ORIGINAL.double() * 3 - 200, Recipe(color="noted"))
    ((dream, original),) = told
    assert original.shape == dream.shape == (1, 3, 71, 109)
    assert original.dtype == dream.dtype
    for each in (dream, original):
        assert (float(each.min()), float(each.max())) == (0, 255)
    np.testing.assert_allclose(found, np.clip(planes(dream) * 3 - 200, 0, 255), atol=1e-3)


def test_free_colors_are_not_worked_out(monkeypatch):
    def never(*_):
        raise AssertionError("colors were worked out")

    monkeypatch.setattr(color, "COLOR_MODES", {"free": never})
    assert shown(dreamed(0, 255)).shape == (71, 109, 3)


def test_a_dreams_picture_of_several_shows_the_first_and_has_what_the_original_had():
    """Notes, and the transparency of one that does not grow."""
    alpha = np.arange(71 * 109).reshape(71, 109).astype(np.uint8)
    before = Picture(np.zeros((71, 109, 3), np.float32), alpha=alpha, note="{}")
    image, recipe = dreamed(-60, 320), Recipe(color="match")
    found = finished(before, image, ORIGINAL, recipe)
    np.testing.assert_array_equal(found.pixels, displayed(image, ORIGINAL, recipe))
    assert np.array_equal(found.alpha, alpha) and found.note == "{}"


def test_opacity_that_grows_is_shown_and_no_color():
    image = torch.cat([dreamed(-60, 320), dreamed(0, 255)[:, :1]], 1)
    original = torch.cat([ORIGINAL, ORIGINAL[:, :1] * 0 + 255], 1)
    recipe = Recipe(alpha=True, color="match")
    found = finished(Picture(np.zeros((71, 109, 3), np.float32)), image, original, recipe)
    np.testing.assert_array_equal(found.pixels, displayed(image[:, :3], ORIGINAL, recipe))
    np.testing.assert_allclose(found.alpha, image[0, 3].numpy(), atol=0.51)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_pixels_that_are_no_numbers_are_refused_in_what_is_shown(wrong):
    image = dreamed(0, 255)
    image[1, 0, 3, 5] = wrong
    shown(image)
    image[0, 2, 3, 5] = wrong
    with pytest.raises(RecipeError, match="no finite numbers"):
        shown(image)


def test_a_way_with_colours_that_cannot_be_is_refused():
    check_color("keep")
    check_color("free", 1)
    with pytest.raises(RecipeError, match="did you mean 'keep'"):
        check_color("kep")
    with pytest.raises(RecipeError, match="the network takes 1 channels"):
        check_color("keep", 1)
