"""Movement, occlusion and cuts on pictures whose movement is known."""

from __future__ import annotations

import numpy as np
import pytest

from batcountry.errors import PictureError
from batcountry.image.sky import sky
from batcountry.motion.flow import dis, estimate_motion, warped

H, W = 120, 200


@pytest.fixture(scope="module")
def wide():
    return sky(400, 240, seed=2)


def view(picture, x, y):
    return np.ascontiguousarray(picture[y : y + H, x : x + W])


def test_a_pan_is_found_and_carried(wide):
    before, now = view(wide, 50, 40), view(wide, 55, 38)
    movement = estimate_motion(before, now, dis())
    inner = movement.back[20:-20, 20:-20]
    assert np.abs(np.median(inner, (0, 1)) - (5, -2)).max() < 0.3
    carried = movement.carried(np.float32(before))
    seen = movement.seen > 0.99
    assert seen.mean() > 0.7
    assert np.abs(carried - now)[seen].mean() < 4
    assert not movement.cut


def test_what_comes_into_view_counts_as_not_seen(wide):
    movement = estimate_motion(view(wide, 50, 40), view(wide, 64, 40), dis())
    assert movement.seen[:, -10:].max() < 0.2
    assert movement.seen[20:-20, 30:150].mean() > 0.8


def test_what_a_thing_hid_counts_as_not_seen(wide):
    ground = view(wide, 50, 40)
    before, now = ground.copy(), ground.copy()
    texture = np.random.RandomState(0).randint(0, 255, (40, 40, 3)).astype(np.uint8)
    before[40:80, 60:100], now[40:80, 72:112] = texture, texture
    movement = estimate_motion(before, now, dis())
    assert movement.seen[45:75, 62:70].mean() < 0.5
    assert movement.seen[90:, :].mean() > 0.9


def test_another_scene_is_a_cut_and_fast_or_noisy_or_dark_ones_are_not(wide):
    random = np.random.RandomState(1)
    other = np.uint8(np.clip(random.normal(120, 60, (H // 8, W // 8, 3)), 0, 255)).repeat(8, 0).repeat(8, 1)
    first = view(wide, 50, 40)
    noise = random.normal(0, 6, (2, H, W, 3))
    noisy = [np.uint8(np.clip(first + each, 0, 255)) for each in noise]
    assert estimate_motion(first, other, dis()).cut
    assert estimate_motion(other, first, dis()).cut
    assert not estimate_motion(first, view(wide, 80, 50), dis()).cut
    assert not estimate_motion(*noisy, dis()).cut
    assert not estimate_motion(first // 8, view(wide, 52, 40) // 8, dis()).cut


def test_warping_by_nothing_is_the_identity_and_by_whole_pixels_a_shift():
    picture = np.random.RandomState(0).uniform(0, 255, (17, 29, 3)).astype(np.float32)
    assert np.allclose(warped(picture, np.zeros((17, 29, 2), np.float32)), picture, atol=1e-3)
    right = np.zeros((17, 29, 2), np.float32)
    right[..., 0] = 3
    assert np.allclose(warped(picture, right)[:, :-3], picture[:, 3:], atol=1e-3)


def test_pictures_smaller_than_the_search_needs_have_a_flow_too():
    field = dis()(np.zeros((6, 9, 3), np.uint8), np.zeros((6, 9, 3), np.uint8))
    assert field.shape == (6, 9, 2)


def test_a_flow_of_the_wrong_shape_is_refused(wide):
    with pytest.raises(PictureError, match="shape"):
        estimate_motion(
            view(wide, 0, 0), view(wide, 1, 0), lambda first, second: np.zeros((W, H, 2), np.float32)
        )
