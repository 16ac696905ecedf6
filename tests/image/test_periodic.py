"""Pictures whose edges fit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import batcountry
from batcountry.image.periodic import seamless, wrapped_axes
from batcountry.image.resample import resize


def seam(pixels: np.ndarray, axis: int) -> float:
    """Return the jump over the edge, as a multiple of the usual one between neighbors."""
    rows = np.moveaxis(np.float32(pixels), axis, 0)
    return float(np.abs(rows[0] - rows[-1]).mean() / np.abs(np.diff(rows, axis=0)).mean())


@pytest.fixture
def ramp(photo) -> np.ndarray:
    """A picture whose edges do not fit at all."""
    waves = 20 * np.sin(np.arange(90) / 2)[None, :, None] + 20 * np.sin(np.arange(64) / 3)[:, None, None]
    slope = np.linspace(50, 200, 90)[None, :, None] + np.linspace(-20, 20, 64)[:, None, None]
    return np.float32((waves + slope) * (1.0, 0.8, 0.6))


def test_edges_fit_afterwards_along_the_wrapped_axes_alone(ramp):
    assert seam(ramp, 1) > 15
    both, across = seamless(ramp, (True, True)), seamless(ramp, (False, True))
    assert max(seam(both, 0), seam(both, 1)) < 3
    assert seam(across, 1) < 3
    assert seam(across, 0) > 5
    assert seamless(ramp, (False, False)) is ramp


def test_a_picture_that_fits_already_is_left_as_it_is():
    waves = 128 + 100 * np.sin(np.linspace(0, 2 * np.pi, 64, endpoint=False))
    picture = np.float32(np.broadcast_to(waves[None, :, None], (40, 64, 3)))
    assert np.abs(seamless(picture, (True, True)) - picture).max() < 12


def test_resizing_a_wrapped_axis_keeps_its_seam_closed():
    x = torch.arange(60, dtype=torch.float32)
    wave = torch.sin(x * 2 * torch.pi / 60).expand(1, 3, 20, 60)
    for width in (37, 60, 84):
        found = resize(wave, (20, width), (False, True))
        wanted = torch.sin(torch.arange(width) * 2 * torch.pi / width)
        assert torch.allclose(found[0, 0, 0], wanted, atol=0.006)


def test_wrap_none_is_no_axis():
    assert [wrapped_axes(each) for each in ("none", "x", "xy")] == [
        (False, False),
        (False, True),
        (True, True),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_wrapped_dream_has_no_seam_where_a_plain_one_has(seed):
    options = {"size": 256, "octaves": 2, "iterations": 6, "layer": "blocks.5", "seed": seed}
    plain = batcountry.dream(**options).pixels
    wrapped = batcountry.dream(wrap="xy", **options).pixels
    for axis in (0, 1):
        assert seam(plain, axis) > 3 * seam(wrapped, axis)
        assert seam(wrapped, axis) < 2
