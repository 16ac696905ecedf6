"""The color anchor against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from batcountry.motion.color_anchor import Tone, apply_anchor

MATRIX = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


@pytest.fixture
def pair():
    random = np.random.RandomState(0)
    first = random.uniform(60, 190, (1, 3, 23, 37))
    second = 0.6 * first[:, [1, 2, 0]] + random.normal(0, 12, first.shape) + 30
    return torch.from_numpy(np.float32(first)), torch.from_numpy(np.float32(second))


def test_a_tone_is_mean_and_standard_deviation_of_brightness_and_two_color_differences(pair):
    tones = np.tensordot(MATRIX, pair[0][0].numpy().astype(float), 1)
    found = Tone.of(pair[0])
    assert np.allclose(found.mean, tones.mean((1, 2)), atol=1e-4)
    assert np.allclose(found.std, tones.std((1, 2)), atol=1e-4)


def test_a_firm_hold_gives_the_wanted_tone(pair):
    wanted = Tone.of(pair[0])
    found = Tone.of(apply_anchor(pair[1], wanted))
    assert torch.allclose(found.mean, wanted.mean, atol=1e-3)
    assert torch.allclose(found.std, wanted.std, atol=1e-3)


def test_half_a_hold_goes_half_the_way_and_none_no_way(pair):
    wanted, now = Tone.of(pair[0]), Tone.of(pair[1])
    half = Tone.of(apply_anchor(pair[1], wanted, hold=0.5))
    assert torch.allclose(half.mean, (wanted.mean + now.mean) / 2, atol=1e-3)
    assert torch.equal(apply_anchor(pair[1], wanted, hold=0), pair[1])


def test_an_even_picture_is_not_blown_up():
    gray = torch.full((1, 3, 5, 7), 100.0)
    random = torch.rand(1, 3, 5, 7) * 255
    assert apply_anchor(gray, Tone.of(random)).std((2, 3)).max() < 1e-3


def test_a_tone_moves_as_two_others_differ(pair):
    first, second = (Tone.of(each) for each in pair)
    assert torch.allclose(first.shifted(first, second).mean, second.mean)
    assert torch.allclose(first.shifted(first, second).std, second.std)
