"""Gradients normalized band by band, against numbers worked out in NumPy, pixel by pixel."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from batcountry.optim.bands import LEVELS, build_levels, double, halve, level_count, normalize_bands

sides = st.integers(1, 41)


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.RandomState(seed).normal(size=shape)).to(dtype)


def means_of_four(plane):
    height, width = plane.shape
    return np.array(
        [[plane[y : y + 2, x : x + 2].mean() for x in range(0, width, 2)] for y in range(0, height, 2)]
    )


def enlarged(plane, size, wrap=(False, False)):
    """Each new pixel is a quarter of a pixel off the middle of the old one it lies in."""

    def at(index, length, around):
        return index % length if around else min(max(index, 0), length - 1)

    found = np.empty(size)
    for y in range(size[0]):
        for x in range(size[1]):
            other = (y // 2 + (1 if y % 2 else -1), x // 2 + (1 if x % 2 else -1))
            rows = [(y // 2, 0.75), (at(other[0], plane.shape[0], wrap[0]), 0.25)]
            columns = [(x // 2, 0.75), (at(other[1], plane.shape[1], wrap[1]), 0.25)]
            found[y, x] = sum(a * b * plane[r, c] for r, a in rows for c, b in columns)
    return found


def by_hand(gradient, wrap=(False, False)):
    """The sum of bands, each divided by its root mean square over pixels and channels, and weighed."""
    levels = [gradient]
    while len(levels) <= 6 and min(levels[-1].shape[1:]) >= 4:
        levels.append(np.stack([means_of_four(plane) for plane in levels[-1]]))
    energies = [np.mean(level**2) for level in levels] + [0.0]
    total = np.zeros_like(gradient)
    for index, level in enumerate(levels):
        last = index == len(levels) - 1
        coarser = np.zeros_like(level)
        if not last:
            coarser = np.stack([enlarged(plane, level.shape[1:], wrap) for plane in levels[index + 1]])
        weight = 0.6 if last else min(1.0, 2 ** ((index - 3) / 2))
        strength = np.sqrt(
            max(energies[index] - energies[index + 1], energies[index] / 4, 1e-6 * energies[0])
        )
        band = (level - coarser) * (weight / strength if strength else 0.0)
        for finer in reversed(levels[:index]):
            band = np.stack([enlarged(plane, finer.shape[1:], wrap) for plane in band])
        total += band
    return total


@pytest.mark.parametrize("wrap", [(False, False), (False, True), (True, True)])
@pytest.mark.parametrize("size", [(19, 30), (8, 3)])
def test_each_band_is_brought_to_its_strength(size, wrap):
    gradient = noise(2, 3, *size)
    found = normalize_bands(gradient, wrap).numpy()
    for index in range(2):
        np.testing.assert_allclose(found[index], by_hand(gradient[index].numpy(), wrap), atol=1e-12)


@given(height=sides, width=sides, scale=st.floats(1e-6, 1e6), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_how_large_a_gradient_is_does_not_matter(height, width, scale, seed):
    gradient = noise(1, 3, height, width, seed=seed)
    torch.testing.assert_close(normalize_bands(gradient * scale), normalize_bands(gradient))


def test_a_picture_does_not_depend_on_the_others_of_a_batch():
    first, second = noise(1, 3, 23, 31, seed=1), 1e3 * noise(1, 3, 23, 31, seed=2)
    both = normalize_bands(torch.cat([first, second]))
    torch.testing.assert_close(both[:1], normalize_bands(first))
    torch.testing.assert_close(both[1:], normalize_bands(second))


def test_no_gradient_is_no_direction():
    assert not normalize_bands(torch.zeros(1, 3, 21, 34)).any()


@given(down=st.integers(0, 3), across=st.integers(0, 3))
@settings(max_examples=10, deadline=None)
def test_where_a_picture_wraps_no_edge_can_be_told(down, across):
    gradient = noise(1, 3, 256, 256, seed=5)
    shift = (64 * down, 64 * across)
    rolled = normalize_bands(gradient.roll(shift, (2, 3)), (True, True))
    torch.testing.assert_close(rolled, normalize_bands(gradient, (True, True)).roll(shift, (2, 3)))


def test_the_finest_waves_grow_a_third_as_fast_as_coarse_ones():
    across = torch.arange(512, dtype=torch.float64)
    wave = torch.cos(np.pi * across).expand(1, 3, 512, 512)
    assert float(normalize_bands(wave).square().mean().sqrt()) == pytest.approx(2**-1.5, rel=1e-9)


def test_a_band_with_next_to_nothing_in_it_stays_next_to_nothing():
    across = torch.arange(512, dtype=torch.float64)
    wave = torch.cos(np.pi * across).expand(1, 3, 512, 512)
    found = normalize_bands(wave + 1e-9 * noise(1, 3, 512, 512))
    assert float((found - 2**-1.5 * wave).abs().max()) < 1e-4


@given(height=sides, width=sides)
@settings(max_examples=40, deadline=None)
def test_halving_and_doubling_are_pytorchs(height, width):
    image = noise(2, 3, height, width)
    small = halve(image)
    torch.testing.assert_close(small, F.avg_pool2d(image, 2, ceil_mode=True, count_include_pad=False))
    wanted = F.interpolate(small, scale_factor=2, mode="bilinear")[..., :height, :width]
    torch.testing.assert_close(double(small, (height, width)), wanted)


def test_large_pictures_have_seven_levels_and_small_ones_fewer():
    assert level_count((576, 1024)) == LEVELS + 1 == len(build_levels(noise(1, 1, 576, 1024)))
    assert [level_count((side, 50)) for side in (1, 3, 4, 7, 13)] == [1, 1, 2, 3, 4]


def test_bands_of_waves_longer_than_eight_pixels_are_equally_strong():
    gradient = noise(1, 1, 65, 66)
    assert level_count((65, 66)) == 6
    np.testing.assert_allclose(normalize_bands(gradient)[0].numpy(), by_hand(gradient[0].numpy()), atol=1e-12)


def test_numbers_are_as_precise_as_the_gradients():
    assert normalize_bands(noise(1, 3, 21, 34, dtype=torch.float32)).dtype is torch.float32


def test_levels_are_of_the_last_two_axes_however_many_there_are():
    assert [tuple(each.shape) for each in build_levels(noise(9, 14))] == [(9, 14), (5, 7), (3, 4)]
