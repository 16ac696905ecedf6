import warnings

import numpy as np
import pytest
import torch

import batcountry
from batcountry.errors import PictureError
from batcountry.image.reading import picture_of_levels, read_picture


@pytest.mark.parametrize("form", [np.float64, np.float32, np.float16])
def test_floats_from_0_to_1_are_multiplied_by_255_with_a_warning(photo, form):
    shares = (photo / 255).astype(form)
    with pytest.warns(UserWarning, match="from 0 to 1, so they were multiplied by 255"):
        pixels = read_picture(shares).pixels
    np.testing.assert_allclose(pixels, photo, atol=0.1)


@pytest.mark.parametrize("form", [torch.float32, torch.float16, torch.bfloat16])
def test_so_are_those_of_tensors_of_every_float_type(photo, form):
    shares = torch.from_numpy(photo).permute(2, 0, 1)[None].to(form) / 255
    with pytest.warns(UserWarning, match="multiplied by 255"):
        pixels = read_picture(shares).pixels
    np.testing.assert_allclose(pixels, photo, atol=1)


def test_transparency_is_multiplied_with_the_colors(photo):
    shares = np.dstack([photo / 255, np.full(photo.shape[:2], 0.5)])
    with pytest.warns(UserWarning):
        assert (read_picture(shares).alpha == 128).all()


def test_black_and_gray_levels_and_whole_numbers_are_left_as_they_are(photo):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not read_picture(np.zeros((9, 9, 3))).pixels.any()
        assert np.array_equal(read_picture(photo.astype(float)).pixels, photo)
        assert read_picture(np.ones((9, 9, 3), np.uint8)).pixels.max() == 1


def test_what_is_known_to_be_gray_levels_is_never_taken_for_shares():
    dark = np.full((9, 9, 3), 0.5, np.float32)
    assert np.array_equal(picture_of_levels(dark).pixels, dark)
    assert batcountry.dream(start="gray(0.5)", canvas="32x32", octaves=1, iterations=1).size == (32, 32)


@pytest.mark.parametrize(("low", "high"), [(-1, 1), (-2.1, 2.6), (0, 65535), (-300, 255), (0, 1000)])
def test_what_cannot_be_gray_levels_is_refused_with_what_it_is(low, high):
    values = np.linspace(low, high, 9 * 9 * 3).reshape(9, 9, 3)
    with pytest.raises(PictureError, match=f"values from {low:g} to {high:g}, and a picture's are 0 to 255"):
        read_picture(values)


def test_what_a_sharp_filter_leaves_beside_the_range_is_taken(photo):
    around = photo.astype(np.float32) * 1.2 - 20
    assert np.array_equal(read_picture(around).pixels, around)
