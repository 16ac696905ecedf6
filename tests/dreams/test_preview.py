"""Small pictures of a dream while it grows."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from batcountry.dreams.dreamer import Dreamer
from batcountry.dreams.preview import Thumbnail, preview_of_levels, recolor_roughly, shrink
from batcountry.image import color


def opened(data):
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


def smooth(height, width):
    """A picture whose planes rise differently, (1, 3, H, W)."""
    down, across = torch.linspace(0, 200, height)[:, None], torch.linspace(0, 50, width)[None]
    return torch.stack([down + across, 255 - down + 0 * across, across + 20 + 0 * down])[None]


@pytest.mark.parametrize(
    ("size", "small"),
    [
        ((37, 53), (37, 53)),
        ((64, 64), (64, 64)),
        ((65, 31), (64, 31)),
        ((700, 1001), (45, 64)),
        ((1, 999), (1, 64)),
    ],
)
def test_a_picture_is_shrunk_to_its_side_and_looks_the_same(size, small):
    image = smooth(*size)
    found = shrink(image, 64)
    assert found.shape == (1, 3, *small)
    wanted = torch.nn.functional.interpolate(image, small, mode="area")
    assert (found - wanted).abs().max() < 8


def test_of_a_large_picture_not_all_is_looked_at():
    image = torch.zeros(1, 1, 1, 1).expand(1, 3, 1 << 20, 1 << 20)  # which would be 12 TB
    assert shrink(image, 64).shape == (1, 3, 64, 64)


@pytest.mark.parametrize(
    "look", [{}, {"rescale": True}, {"clip": False, "param": "pixels"}, {"color": "keep"}, {"color": "match"}]
)
def test_a_preview_shows_what_the_finished_picture_would(two_channels, photo, look):
    *_, step = Dreamer(model=two_channels, layer="sum", octaves=1, iterations=2, **look).dreaming(photo)
    found = opened(step.preview(512))
    assert found.format == "JPEG" and found.size == (53, 37)
    assert np.abs(np.float32(found) - np.float32(step.picture().image())).mean() < 25


def test_one_with_transparency_is_a_png(two_channels, photo):
    step = next(Dreamer(model=two_channels, layer="sum", octaves=1, iterations=1, alpha=True).dreaming(photo))
    found = opened(step.preview(20))
    assert (found.format, found.mode, found.size) == ("PNG", "RGBA", (20, 14))


def test_a_picture_that_has_transparency_keeps_it(two_channels, photo):
    image = Image.fromarray(photo)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    step = next(Dreamer(model=two_channels, layer="sum", octaves=1, iterations=1).dreaming(image))
    found = np.asarray(opened(step.preview(26)))
    assert found.shape == (18, 26, 4) and found[0, 0, 3] < 30 < 200 < found[-1, 0, 3]


def test_steps_of_the_loop_alone_have_previews(two_channels):
    assert opened(preview_of_levels(smooth(40, 90), 45)).size == (45, 20)


@pytest.mark.parametrize("name", ["keep", "match"])
def test_colors_are_about_those_of_the_whole_picture(name):
    dream, original = smooth(96, 128), smooth(96, 128).flip(1)
    wanted = color.COLOR_MODES[name](dream, original)
    assert (recolor_roughly(dream, original, name) - wanted).abs().mean() < 6


@pytest.mark.parametrize("rows", [1, 7, 40])
def test_a_picture_that_comes_in_strips_is_kept_small(rows):
    image = smooth(40, 90)
    small = Thumbnail((40, 90), side=30)
    for first in range(0, 40, rows):
        strip = range(first, min(40, first + rows))
        small.put(strip, image[..., strip.start : strip.stop, :])
    assert torch.equal(small.image, image[..., ::3, ::3])
