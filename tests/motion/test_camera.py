"""The camera against NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from batcountry.motion.camera import footprint, looked_at, view

H, W = 31, 47


@pytest.fixture
def image():
    y, x = np.mgrid[:H, :W]
    planes = [128 + 90 * np.sin(x / 7 + k) * np.cos(y / 9 - k) for k in range(3)]
    return torch.from_numpy(np.float32(planes))[None]


def still(**changed):
    return view(**{"zoom": 1.0, "rotate": 0.0, "pan_x": 0.0, "pan_y": 0.0, "width": W, **changed})


def test_a_still_camera_changes_nothing(image):
    assert torch.allclose(looked_at(image, still()), image, atol=0.01)


@pytest.mark.parametrize("turn", [0.0, 25.0, -110.0])
@pytest.mark.parametrize("zoom", [1.0, 1.3])
def test_zoom_turn_and_pan_read_where_the_formula_says(image, turn, zoom):
    seen = looked_at(image, still(zoom=zoom, rotate=turn, pan_x=4.0, pan_y=-3.0))[0].numpy()
    angle = np.radians(turn)
    y, x = np.mgrid[:H, :W].astype(float)
    x, y = x - (W - 1) / 2, y - (H - 1) / 2
    from_x = (x * np.cos(angle) + y * np.sin(angle)) / zoom + 0.04 * W + (W - 1) / 2
    from_y = (-x * np.sin(angle) + y * np.cos(angle)) / zoom - 0.03 * W + (H - 1) / 2
    inside = (from_x > 2) & (from_x < W - 3) & (from_y > 2) & (from_y < H - 3)
    for plane, got in zip(image[0].numpy(), seen, strict=True):
        wanted = ndimage.map_coordinates(plane, [from_y, from_x], order=3)
        assert np.abs(wanted - got)[inside].max() < 1.0


def test_a_positive_turn_is_clockwise():
    image = torch.zeros(1, 1, 41, 41)
    image[..., 5, 20] = 1000.0  # at the top
    seen = looked_at(image, view(1, 90, pan_x=0, pan_y=0, width=41))
    assert divmod(int(seen[0, 0].argmax()), 41) == (20, 35)  # at the right


def test_outside_is_the_picture_mirrored_and_never_black(image):
    seen = looked_at(image, still(zoom=0.8, pan_x=10.0))
    assert seen.min() > image.min() - 12


def test_fine_patterns_are_softened_before_they_are_made_much_smaller():
    board = torch.from_numpy(np.float32(np.indices((64, 96)).sum(0) % 2 * 255))[None, None]
    seen = looked_at(board, view(1 / 3, 0, pan_x=0, pan_y=0, width=96))
    assert seen[..., 8:-8, 8:-8].std() < 10


def test_a_footprint_covers_what_the_other_picture_does():
    whole = footprint(np.eye(3), (H, W), 1e-3)
    assert whole.min() == 1
    half = footprint(np.diag([2.0, 2.0, 1.0]), (H, W), 1e-3)
    assert half.mean() == pytest.approx(0.25, abs=0.03)
    assert half[H // 2, W // 2] == 1 and half[0, 0] == 0
