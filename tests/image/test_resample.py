"""Resizing, against SciPy and by its formula."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from batcountry.image.resample import enlarged, mixed_on, resize, resized_rows

SMALL = torch.from_numpy(np.random.RandomState(1).uniform(0, 255, (2, 3, 7, 11)).astype(np.float32))


@given(
    st.integers(2, 40), st.integers(2, 40), st.integers(1, 50), st.integers(1, 50), st.integers(0, 2**31 - 1)
)
def test_resizing_gives_the_numbers_of_scipys_zoom(height, width, new_height, new_width, seed):
    image = np.random.RandomState(seed).uniform(0, 255, (3, height, width)).astype(np.float32)
    # By default a position that rounds to a hair beyond the last pixel comes out black in SciPy.
    wanted = ndimage.zoom(image, (1, new_height / height, new_width / width), order=1, mode="nearest")
    found = resize(torch.from_numpy(image), (new_height, new_width)).numpy()
    assert found.shape == wanted.shape == (3, new_height, new_width)
    if 1 not in (new_height, new_width):  # scipy itself is not linear where one pixel is left
        np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_a_picture_of_the_size_that_is_wanted_is_copied():
    for found in (resize(SMALL, (7, 11)), enlarged(SMALL, (7, 11))):
        assert torch.equal(found, SMALL)
        assert found.data_ptr() != SMALL.data_ptr()


@pytest.mark.parametrize("size", [(7, 19), (19, 11), (5, 11), (7, 5), (13, 23), (3, 5), (1, 1), (1, 23)])
@pytest.mark.parametrize("wrap", [(False, False), (True, False), (False, True), (True, True)])
def test_each_new_pixel_is_mixed_of_two_along_each_axis(size, wrap):
    found = SMALL.double().numpy()
    for axis, new, ring in ((2, size[0], wrap[0]), (3, size[1], wrap[1])):
        old, rows = found.shape[axis], []
        if new == old:
            continue
        for index in range(new):
            at = index * old / new if ring else index * (old - 1) / max(new - 1, 1)
            low = min(int(at), old - 1)
            pair = [
                np.take(found, each, axis)
                for each in (low, (low + 1) % old if ring else min(low + 1, old - 1))
            ]
            rows.append(pair[0] + (at - low) * (pair[1] - pair[0]))
        found = np.stack(rows, axis)
    np.testing.assert_allclose(resize(SMALL, size, wrap).numpy(), found, atol=1e-3)


@pytest.mark.parametrize("wrap", [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("size", [(7, 5), (17, 23), (5, 29)])
def test_rows_are_those_of_the_whole_and_no_more_are_read_than_they_need(wrap, size):
    whole = resize(SMALL, size, wrap)
    for first, last in ((0, 1), (0, 3), (2, 5), (3, 5), (size[0] - 2, size[0])):
        read = []

        def rows_of(rows, read=read):
            read.append(rows)
            return SMALL[..., [each % 7 for each in rows], :]

        found = resized_rows(rows_of, 7, size, range(first, last), wrap)
        torch.testing.assert_close(found, whole[..., first:last, :])
        (rows,) = read
        assert rows.step == 1
        assert len(rows) <= (last - first) * 7 / size[0] + 2
        assert rows.stop <= (8 if wrap[0] else 7)


@pytest.mark.parametrize(("low", "high"), [(0.0, 255.0), (-40.0, 300.0), (20.0, 90.0)])
def test_an_enlarged_picture_is_bicubic_and_stays_within_a_screens_range_or_its_own(low, high):
    image = low + (high - low) * (SMALL > 128).float()
    for size in ((19, 29), (3, 5)):
        plain = torch.nn.functional.interpolate(image, size, mode="bicubic", antialias=True)
        wanted = plain.clamp(min(low, 0.0), max(high, 255.0))
        assert torch.equal(enlarged(image, size), wanted)


@pytest.mark.parametrize("wrap", [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("size", [(7, 5), (17, 23), (5, 29)])
def test_what_is_held_on_a_device_resizes_alike(wrap, size):
    image = SMALL
    for axis, new, wraps in ((-2, size[0], wrap[0]), (-1, size[1], wrap[1])):
        if image.shape[axis] != new:
            image = mixed_on(image.shape[axis], new, wraps, torch.device("cpu")).along(image, axis)
    torch.testing.assert_close(image, resize(SMALL, size, wrap), rtol=0, atol=1e-4)
