"""Sampling whose gradient is the same in any order, beside PyTorch's own and beside finite differences."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from batcountry.image import sampling
from batcountry.image.sampling import extended, resampled, sampled, spread

SIZE = (13, 19)
BEYOND = pytest.mark.parametrize("beyond", ["reflection", "border"])


@pytest.fixture(autouse=True)
def beside_a_processor(monkeypatch):
    """Take the ways of other devices here."""
    monkeypatch.setattr(sampling, "adds_in_order", lambda _: False)


def numbers(*shape, seed=1, dtype=torch.float32):
    return torch.from_numpy(np.random.RandomState(seed).normal(0, 40, shape)).to(dtype)


def places(count, dtype=torch.float32):
    """Places of every kind: far beyond the edges, on edges and on corners, many in one pixel."""
    grid = np.random.RandomState(5).uniform(-2.7, 2.7, (count, 17, 11, 2))
    grid[:, 0] = [-1, 1]
    grid[:, 1, ::2] = [1, -1 + 1 / SIZE[0]]
    grid[:, 2:9] *= 0.05
    return torch.from_numpy(grid).to(dtype)


def gradient_of(function, pictures, toward):
    leaf = pictures.clone().requires_grad_()
    return torch.autograd.grad(function(leaf), leaf, toward)[0]


def both(pictures, grid, beyond, toward):
    def usual(leaf):
        return F.grid_sample(leaf, grid, "bilinear", beyond, align_corners=False)

    assert torch.equal(sampled(pictures, grid, beyond), usual(pictures))
    return (
        gradient_of(lambda leaf: sampled(leaf, grid, beyond), pictures, toward),
        gradient_of(usual, pictures, toward),
    )


@BEYOND
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 2e-6), (torch.float64, 1e-13)], ids=str)
@pytest.mark.parametrize("size", [SIZE, (1, 1), (1, 8)], ids=str)
def test_pixels_and_gradient_are_grid_samples(beyond, dtype, close, size):
    pictures, toward = numbers(3, 4, *size, dtype=dtype), numbers(3, 4, 17, 11, seed=2, dtype=dtype)
    found, usual = both(pictures, places(3, dtype), beyond, toward)
    assert found.dtype == dtype
    torch.testing.assert_close(found, usual, rtol=0, atol=close * float(usual.abs().max()))


@BEYOND
def test_gradient_is_that_of_finite_differences(beyond):
    pictures = numbers(2, 1, 4, 5, dtype=torch.float64).requires_grad_()
    grid = places(2, torch.float64)[:, ::2, ::2]
    assert torch.autograd.gradcheck(lambda leaf: sampled(leaf, grid, beyond), pictures, atol=1e-6)


def test_gradient_is_the_same_in_any_order_of_adding():
    gradient = numbers(2, 3, 17, 11)
    corners = sampling._corners(places(2), SIZE, "reflection")
    expected = spread(gradient, corners, SIZE)
    floats = set()
    for seed in range(5):
        order = torch.from_numpy(np.random.RandomState(seed).permutation(17 * 11))

        def shuffled(planes, order=order):
            return planes.flatten(-2)[..., order].reshape(planes.shape)

        mixed = [(shuffled(pixel), shuffled(share)) for pixel, share in reversed(corners)]
        assert torch.equal(spread(shuffled(gradient), mixed, SIZE), expected)
        total = torch.zeros(2, 3, SIZE[0] * SIZE[1])
        for pixel, share in mixed:
            part = (shuffled(gradient) * share[:, None]).flatten(2)
            total.scatter_add_(-1, pixel.flatten(1)[:, None].expand(part.shape), part)
        floats.add(total.numpy().tobytes())
    assert len(floats) > 1  # else no order would matter here


@pytest.mark.parametrize("factor", [1e-20, 1.0, 1e20, 1e34])
def test_gradients_of_any_size_keep_their_digits_each_picture_by_itself(factor):
    pictures, toward = numbers(2, 3, *SIZE), numbers(2, 3, 17, 11, seed=2)
    toward[1] *= 1e-6
    found, usual = both(pictures, places(2), "reflection", toward * factor)
    for one, other in zip(found, usual, strict=True):
        torch.testing.assert_close(
            one / factor, other / factor, rtol=1e-5, atol=2e-6 * float(other.abs().max() / factor)
        )


def test_nothing_is_read_back_as_tensors_without_numbers_will_do():
    pictures = torch.empty(2, 3, *SIZE, device="meta", requires_grad=True)
    seen = extended(sampled(pictures, places(2).to("meta")), -1, 4, "reflect")
    seen = resampled(seen, (8, 9))
    (found,) = torch.autograd.grad(seen, pictures, torch.empty_like(seen))
    assert found.shape == pictures.shape


def test_a_gradient_of_nothing_is_nothing_and_what_is_not_finite_stays_so_in_its_picture():
    pictures, toward = numbers(3, 3, *SIZE), numbers(3, 3, 17, 11, seed=2)
    toward[0] = 0
    toward[1, 2, 3, 4] = float("inf")
    found = gradient_of(lambda leaf: sampled(leaf, places(3)), pictures, toward)
    assert torch.equal(found[0], torch.zeros_like(found[0]))
    assert not found[1].isfinite().any()
    assert found[2].isfinite().all()


def test_no_sum_is_too_large_when_all_samples_are_of_one_pixel():
    grid = torch.full((1, 64, 64, 2), -1.0)
    toward = torch.full((1, 1, 64, 64), 3.0)
    found = gradient_of(lambda leaf: sampled(leaf, grid, "border"), numbers(1, 1, *SIZE), toward)
    assert float(found[0, 0, 0, 0]) == 3 * 64 * 64
    assert int(found.count_nonzero()) == 1


@pytest.mark.parametrize(("edge", "mode"), [("replicate", "edge"), ("reflect", "reflect")])
@pytest.mark.parametrize("pixels", [0, 1, 12, 13, 57])
@pytest.mark.parametrize("length", [1, 2, 13])
def test_what_goes_on_beyond_its_edge_is_numpys_and_so_is_the_gradient(edge, mode, pixels, length):
    pictures = numbers(2, 3, length, 5, dtype=torch.float64)
    order = np.pad(np.arange(length), pixels, mode=mode)
    assert np.array_equal(extended(pictures, -2, pixels, edge), pictures.numpy()[:, :, order])
    toward = numbers(2, 3, len(order), 5, seed=2, dtype=torch.float64)
    expected = np.zeros(pictures.shape)
    np.add.at(expected, (slice(None), slice(None), order), toward.numpy())
    found = gradient_of(lambda leaf: extended(leaf, -2, pixels, edge), pictures.clone(), toward)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("size", [(6, 30), (13, 8), (40, 19), (1, 1)], ids=str)
def test_resized_pictures_and_their_gradient_are_interpolates(size):
    pictures, toward = numbers(2, 3, *SIZE), numbers(2, 3, *size, seed=2)

    def usual(leaf):
        return F.interpolate(leaf, size, mode="bilinear", antialias=True)

    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(resampled(pictures, size), usual(pictures), rtol=0, atol=1e-3)
    found = gradient_of(lambda leaf: resampled(leaf, size), pictures, toward)
    torch.testing.assert_close(found, gradient_of(usual, pictures, toward), rtol=0, atol=1e-3)
