"""What a dream begins with when no picture is given."""

import numpy as np
import pytest

import batcountry
from batcountry.errors import RecipeError
from batcountry.image import initial as starts
from batcountry.image.sky import sky
from batcountry.image.statistics import MEAN, MIX
from batcountry.recipe import Recipe


def test_a_dream_begins_with_a_sky_if_nothing_is_said():
    assert np.array_equal(starts.start_picture(Recipe(seed=3)).array(), sky(seed=3))


def test_the_canvas_has_height_before_width():
    assert starts.start_picture(Recipe(start="noise", canvas="37x53")).size == (53, 37)


def test_noise_is_around_gray_with_the_spread_it_was_given():
    made = starts.parse("noise(scale=10)")(211, 307, 0)
    assert made.std() == pytest.approx(10, rel=0.02)
    assert made.mean() == pytest.approx(starts.GRAY, abs=0.1)


def test_blurred_noise_is_smoother_within_planes_and_not_across_them():
    sharp, soft = (starts.parse(text)(211, 307, 1) for text in ("noise(10)", "noise(10, blur=2)"))
    assert np.abs(np.diff(soft, axis=1)).mean() < 0.1 * np.abs(np.diff(sharp, axis=1)).mean()
    planes = soft.reshape(-1, 3) - soft.mean()
    assert abs(np.corrcoef(planes.T)[0, 1]) < 0.1


def test_another_seed_makes_another_start_and_the_same_the_same():
    make = starts.parse("noise")
    assert np.array_equal(make(37, 53, 1), make(37, 53, 1))
    assert not np.array_equal(make(37, 53, 1), make(37, 53, 2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "nois"}, "did you mean 'noise'"),
        ({"start": "noise(-1)"}, "scale of 0 to 255"),
        ({"start": "noise(), sky()"}, "one call"),
        ({"canvas": "37"}, "600x800"),
        ({"canvas": "0x9"}, "600x800"),
    ],
)
def test_what_cannot_be_is_said_before_any_work(options, message):
    with pytest.raises(RecipeError, match=message):
        batcountry.dreaming(**options)


def test_a_dream_from_noise_can_be_made_again_from_its_recipe():
    options = {"start": "noise(20, blur=1)", "canvas": "48x80", "octaves": 1, "iterations": 1, "seed": 5}
    first = batcountry.dream(**options)
    assert first.size == (80, 48)
    again = batcountry.dream(None, batcountry.recipe.Note.read(first.note).recipe)
    assert np.array_equal(first.array(), again.array())


def test_pink_has_the_mean_the_covariance_and_the_spectrum_of_photographs():
    mix, mean = np.array(MIX) * 255, np.array(MEAN) * 255
    made = starts.parse("pink(0.2)")(192, 256, 3).astype(float)
    np.testing.assert_allclose(made.mean((0, 1)), mean, atol=3)
    wanted = mix @ mix.T
    np.testing.assert_allclose(np.cov(made.reshape(-1, 3).T) / 0.04 / wanted, np.ones((3, 3)), atol=0.25)
    power = np.abs(np.fft.fft2(made.mean(2))) ** 2
    down, across = np.fft.fftfreq(192)[:, None], np.fft.fftfreq(256)[None]
    f = np.hypot(down, across)
    rings = [power[(f > low) & (f < 1.3 * low)].mean() for low in (0.02, 0.2)]
    assert np.log10(rings[0] / rings[1]) == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("text", ["pink", "pink(0.01)", "gray", "gray(90)"])
@pytest.mark.parametrize("size", [(1, 1), (7, 12), (8, 5)])
def test_starts_come_in_any_size(text, size):
    made = starts.parse(text)(*size, 0)
    assert made.shape == (*size, 3)
    assert np.isfinite(made).all()


def test_gray_is_gray_and_ranges_are_said():
    assert (starts.parse("gray(90)")(3, 5, 0) == 90).all()
    for text, said in (("pink(9)", "0 to 4"), ("gray(300)", "0 to 255")):
        with pytest.raises(RecipeError, match=said):
            starts.parse(text)
