"""Colors: OKLab's published numbers, and what a dream keeps of its picture's."""

import numpy as np
import pytest
import torch

import batcountry
from batcountry.errors import RecipeError
from batcountry.image import color as color

rng = np.random.RandomState(2)


def noise(*shape):
    return torch.from_numpy(rng.uniform(0, 255, shape))


@pytest.mark.parametrize(
    ("rgb", "lab"),
    [
        ((255, 255, 255), (1.0, 0.0, 0.0)),
        ((255, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 255, 0), (0.86644, -0.23389, 0.17950)),
        ((0, 0, 255), (0.45201, -0.03246, -0.31153)),
    ],
)
def test_oklab_of_the_primaries_is_what_is_published(rgb, lab):
    found = color.to_oklab(torch.tensor(rgb, dtype=torch.float64).reshape(1, 3, 1, 1))
    np.testing.assert_allclose(found.ravel(), lab, atol=2e-4)


def test_there_and_back_is_the_same():
    image = noise(2, 3, 11, 17).clamp(4, 255)
    torch.testing.assert_close(color.from_oklab(color.to_oklab(image)), image, rtol=0, atol=0.01)


def test_keep_has_the_dreams_lightness_and_the_originals_hue():
    dream, original = 60 + noise(1, 3, 11, 17) / 2, 100 + noise(1, 3, 11, 17) / 8
    found = color.to_oklab(color.keep(dream, original))
    torch.testing.assert_close(found[:, :1], color.to_oklab(dream)[:, :1], rtol=0, atol=5e-3)
    torch.testing.assert_close(found[:, 1:], color.to_oklab(original)[:, 1:], rtol=0, atol=5e-3)


def test_match_has_the_originals_mean_and_spread():
    dream, original = noise(1, 3, 31, 47), 90 + noise(1, 3, 31, 47) / 5
    found, wanted = (
        color.statistics(color.to_oklab(each)) for each in (color.match(dream, original), original)
    )
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=5e-3)


def test_colors_that_no_screen_has_are_made_paler_at_the_same_lightness():
    lab = torch.tensor([[0.9, 0.3, 0.2], [0.1, -0.4, 0.4], [0.5, 0.05, 0.0]], dtype=torch.float64).reshape(
        3, 3, 1, 1
    )
    found = color.to_oklab(color.in_gamut(lab))
    torch.testing.assert_close(found[:, 0], lab[:, 0], rtol=0, atol=0.01)
    torch.testing.assert_close(found[2], lab[2], rtol=0, atol=1e-3)


@pytest.mark.parametrize("how", ["keep", "match"])
def test_a_dream_takes_its_pictures_colors_in_every_octave(photo, how):
    options = {"layer": "blocks.2", "octaves": 2, "iterations": 2, "octave_scale": 1.5, "step_size": 8.0}
    original = color.to_oklab(torch.from_numpy(photo).permute(2, 0, 1)[None].double())

    def distance(lab):
        if how == "keep":
            return float((lab - original)[:, 1:].abs().mean())
        pairs = zip(color.statistics(lab), color.statistics(original), strict=True)
        return sum(float((ours - theirs).abs().sum()) for ours, theirs in pairs)

    away = {}
    for name in ("free", how):
        for step in batcountry.dreaming(photo, color=name, **options):
            pixels = torch.from_numpy(step.picture().pixels).permute(2, 0, 1)[None].double()
            assert pixels.shape[-2:] == step.size
        away[name] = distance(color.to_oklab(pixels))
    assert away[how] < away["free"] / 3


def test_rescaling_reaches_from_black_to_white(photo):
    found = batcountry.dream(100 + photo // 8, layer="blocks.2", octaves=1, iterations=1, rescale=True)
    assert (found.pixels.min(), found.pixels.max()) == pytest.approx((0, 255), abs=1e-3)


def test_an_unknown_way_with_colors_is_refused(photo):
    with pytest.raises(RecipeError, match="did you mean 'match'"):
        batcountry.dreaming(photo, color="mach")
