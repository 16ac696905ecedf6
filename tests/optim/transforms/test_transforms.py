"""What each transform does, against NumPy and SciPy, and what all have in common."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats

import batcountry
from batcountry.errors import RecipeError
from batcountry.models import Layer, Model
from batcountry.optim.transforms import (
    blur,
    crop,
    flip,
    jitter,
    noise,
    of_channels,
    pad,
    rotate,
    scale,
    seen_size,
)
from batcountry.optim.transforms.noise import Noise
from batcountry.optim.transforms.warps import rotate_by

every = [
    jitter(5),
    pad(6),
    pad(6, "edge"),
    pad(6, "reflect"),
    scale(0.6, 1.7),
    rotate(30),
    flip(),
    blur(0.3, 2),
    crop(5, 9),
]


def pictures(height=17, width=26, count=2, channels=5, dtype=torch.float64):
    return torch.from_numpy(np.random.RandomState(1).uniform(0, 255, (count, channels, height, width))).to(
        dtype
    )


@pytest.mark.parametrize("transform", every, ids=lambda each: type(each).__qualname__)
@given(height=st.integers(9, 24), width=st.integers(9, 24), seed=st.integers(0, 999))
@settings(max_examples=15, deadline=None)
def test_all_move_every_picture_and_plane_alike_and_linearly(transform, height, width, seed):
    stack = pictures(height, width)
    whole = transform(stack, np.random.RandomState(seed))
    alone = transform(stack[1:, 3:4], np.random.RandomState(seed))
    assert torch.allclose(whole[1:, 3:4], alone)
    twice = transform(2 * stack, np.random.RandomState(seed))
    assert torch.allclose(twice, 2 * whole)
    assert whole.dtype == stack.dtype
    assert whole.min() >= -1e-9
    assert whole.max() <= 255 + 1e-9


@pytest.mark.parametrize("transform", every, ids=lambda each: type(each).__qualname__)
def test_all_leave_an_even_picture_even_and_can_be_differentiated(transform):
    even = torch.full((1, 3, 17, 26), 90.0, dtype=torch.float64, requires_grad=True)
    found = transform(even, np.random.RandomState(4))
    assert torch.allclose(found, torch.tensor(90.0, dtype=torch.float64))
    (slope,) = torch.autograd.grad(found.sum(), even)
    assert float(slope.abs().sum()) > 0


@pytest.mark.parametrize(("fill", "mode"), [("edge", "edge"), ("reflect", "reflect")])
@pytest.mark.parametrize("pixels", [0, 3, 40])
def test_pad_is_numpys(fill, mode, pixels):
    stack = pictures(7, 12)
    wanted = np.pad(stack.numpy(), ((0, 0), (0, 0), (pixels, pixels), (pixels, pixels)), mode)
    np.testing.assert_array_equal(pad(pixels, fill)(stack, np.random.RandomState(0)).numpy(), wanted)


def test_pad_with_the_mean_is_each_planes_own():
    stack = pictures(7, 12)
    found = pad(3)(stack, np.random.RandomState(0)).numpy()
    np.testing.assert_allclose(found[..., 0, 0], stack.numpy().mean((-2, -1)))
    np.testing.assert_allclose(found[..., 3:-3, 3:-3], stack.numpy(), atol=1e-10)


def test_crop_is_a_part_of_the_picture_and_reaches_every_corner():
    stack = pictures(6, 9, 1, 1)
    corners = set()
    for seed in range(60):
        found = crop(4, 7)(stack, np.random.RandomState(seed)).numpy()[0, 0]
        y, x = map(int, np.argwhere(stack.numpy()[0, 0] == found[0, 0])[0])
        np.testing.assert_array_equal(found, stack.numpy()[0, 0, y : y + 4, x : x + 7])
        corners.add((y, x))
    assert corners == {(y, x) for y in range(3) for x in range(3)}


def test_a_quarter_turn_is_exact_on_a_square_and_an_angle_has_no_shear_on_an_oblong():
    square = pictures(9, 9)
    np.testing.assert_allclose(
        rotate_by(square, np.pi / 2).numpy(), np.rot90(square.numpy(), 1, (2, 3)), atol=1e-9
    )
    down, across = np.mgrid[-20:21, -35:36]
    bump = np.exp(-((down - 5) ** 2 + (across - 12) ** 2) / 18)
    wanted = ndimage.rotate(bump, 20, reshape=False, order=1)
    found = rotate_by(torch.from_numpy(bump)[None, None], np.radians(20)).numpy()[0, 0]
    np.testing.assert_allclose(found, wanted, atol=0.01)


def test_scale_draws_evenly_between_its_ends_and_does_not_alias():
    stack = pictures(40, 60, 1, 1)
    heights = [scale(0.5, 1.5)(stack, np.random.RandomState(seed)).shape[-2] for seed in range(200)]
    assert min(heights) < 24
    assert max(heights) > 56
    assert 37 < np.mean(heights) < 43
    stripes = torch.zeros(1, 1, 40, 60)
    stripes[..., ::2] = 255
    assert float(scale(0.5, 0.5)(stripes, np.random.RandomState(0))[..., 2:-2].std()) < 1


def test_blur_is_scipys_gaussian():
    stack = pictures()
    wanted = ndimage.gaussian_filter(stack.numpy(), (0, 0, 1.7, 1.7), mode="nearest", truncate=4)
    np.testing.assert_allclose(blur(1.7)(stack, np.random.RandomState(0)).numpy(), wanted, atol=0.05)


def test_noise_is_normal_the_same_for_all_pictures_and_spares_what_is_beside_them():
    stack = pictures(40, 60, 3)
    added = (noise(12)(stack, np.random.RandomState(2)) - stack).numpy()
    assert (added[:, 3:] == 0).all()
    np.testing.assert_allclose(added[0], added[2], atol=1e-9)
    assert stats.kstest(added[0, :3].ravel() / 12, "norm").pvalue > 0.001
    other = noise(12)(stack, np.random.RandomState(3)) - stack
    assert abs(np.corrcoef(other[0, :3].ravel(), added[0, :3].ravel())[0, 1]) < 0.05


@pytest.mark.parametrize("channels", [1, 3, 4, 6])
def test_noise_is_added_to_all_channels_of_a_picture_and_to_none_beside_it(channels):
    stack = torch.full((2, channels + 2, 40, 60), 90.0)
    (made,) = of_channels([noise(12)], channels)
    added = made(stack, np.random.RandomState(2)) - 90
    assert (added[:, channels:] == 0).all()
    np.testing.assert_allclose(added[:, :channels].std((2, 3)), 12, rtol=0.08)
    assert len({float(each) for each in added[0, :channels, 0, 0]}) == channels


def test_a_recipe_s_noise_is_for_the_channels_of_its_network(monkeypatch):
    seen = []
    run = Noise.__call__

    def spied(self, pictures, rng):
        seen.append((self.channels, pictures.shape[1]))
        return run(self, pictures, rng)

    monkeypatch.setattr(Noise, "__call__", spied)
    options = {"transforms": "pad(2), noise(20)", "octaves": 1, "iterations": 1, "jitter": 0}
    for channels in (1, 5):
        seen.clear()
        network = Model(
            "means",
            Means(),
            layers=[Layer("mean", 1, 1, 1, 0, 1)],
            mean=(0.0,) * channels,
            weights_sha256="0" * 64,
            default_layer="mean",
        )
        picture = np.random.RandomState(0).uniform(0, 255, (24, 40, channels)).astype(np.float32)
        batcountry.dream(picture, model=network, **options)
        assert {each[0] for each in seen} == {channels}


class Means:
    """The mean of all channels."""

    def run(self, x, layers):
        return {"mean": x.mean(1, keepdim=True)}

    def to(self, device):
        return self


def test_noise_draws_evenly_between_its_ends_again_from_the_same_seed_and_passes_gradient_on():
    even = torch.full((1, 3, 40, 60), 90.0, requires_grad=True)
    found = [noise(5, 25)(even, np.random.RandomState(seed)) for seed in range(100)]
    spreads = [float(each.detach().std()) for each in found]
    assert min(spreads) < 7
    assert max(spreads) > 23
    assert 13 < np.mean(spreads) < 17
    assert torch.equal(found[7], noise(5, 25)(even, np.random.RandomState(7)))
    (slope,) = torch.autograd.grad(found[0].sum(), even)
    assert torch.equal(slope, torch.ones_like(even))
    assert torch.equal(noise(0)(even, np.random.RandomState(0)), even)


def test_flip_mirrors_left_for_right_as_often_as_it_is_told():
    stack = pictures()
    rng = np.random.RandomState(0)
    assert sum(torch.equal(flip(0.25)(stack, rng), stack.flip(-1)) for _ in range(400)) == pytest.approx(
        100, abs=30
    )
    assert torch.equal(flip(0)(stack, rng), stack)


def test_the_size_that_the_network_sees():
    assert seen_size([pad(4), jitter(3), crop(20)], (17, 26)) == (20, 20)
    assert seen_size([scale(0.5, 0.5)], (17, 26)) == (8, 13)
    assert seen_size([scale(0.5, 2.0), jitter(3)], (17, 26)) == (34, 52)
    with pytest.raises(RecipeError, match="crop cuts 12×12"):
        seen_size([scale(0.5, 2.0), crop(12)], (17, 26))
    with pytest.raises(RecipeError, match=r"40×40 pixels out of a picture, and this one has 26×17"):
        seen_size([crop(40)], (17, 26))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: pad(-1), "0 to 1024"),
        (lambda: crop(0), "1 or more"),
        (lambda: flip(2), "0 to 1"),
        (lambda: scale(1.1, 0.9), "smaller factor to a larger"),
        (lambda: scale(0, 1), r"0\.1 to 10"),
        (lambda: rotate(-3), "0 to 180"),
        (lambda: blur(3, 1), "0 to 64"),
        (lambda: noise(3, 1), "0 to 255"),
        (lambda: noise(300), "0 to 255"),
    ],
)
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises(RecipeError, match=said):
        make()


def test_what_a_network_sees_is_known_without_the_picture_s_memory():
    moves = [pad(12), jitter(8), scale(0.9, 1.1), rotate(10), noise(20)]
    assert min(seen_size(moves, (200_000, 300_000))) > 200_000  # 240 GB
