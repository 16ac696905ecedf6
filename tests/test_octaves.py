import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from batcountry import octaves


@given(
    st.integers(2, 40), st.integers(2, 40), st.integers(1, 50), st.integers(1, 50), st.integers(0, 2**31 - 1)
)
def test_resizing_gives_the_numbers_of_scipys_zoom(height, width, new_height, new_width, seed):
    image = np.random.RandomState(seed).uniform(0, 255, (3, height, width)).astype(np.float32)
    # By default a position that rounds to a hair beyond the last pixel comes out black in SciPy.
    wanted = ndimage.zoom(image, (1, new_height / height, new_width / width), order=1, mode="nearest")
    found = octaves.resize(torch.from_numpy(image), (new_height, new_width)).numpy()
    assert found.shape == wanted.shape == (3, new_height, new_width)
    if 1 not in (new_height, new_width):  # scipy itself is not linear where one pixel is left
        np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_pyramid_agrees_with_caffes_reference(caffe_numbers):
    stored, photo = np.load(caffe_numbers / "zoom.npz"), np.load(caffe_numbers / "dream_small.npz")
    image = np.float32(photo["image_u8"])[:, :, ::-1].transpose(2, 0, 1) - photo["mean"].reshape(3, 1, 1)
    sizes = octaves.sizes(*image.shape[1:], 4, 1.4)
    levels = octaves.pyramid(torch.from_numpy(np.ascontiguousarray(image)), sizes)[::-1]
    for index in (1, 2, 3):
        level = levels[index].numpy()
        assert level.shape == tuple(stored[f"octave_{index}:shape"])
        norm = np.linalg.norm(level.astype(np.float64))
        assert norm == pytest.approx(float(stored[f"octave_{index}:l2"]), rel=1e-5)
    # the whole octave is stored with 14 mantissa bits
    np.testing.assert_allclose(levels[3].numpy(), stored["octave_3"], rtol=2**-14, atol=1e-4)
    small = torch.from_numpy(stored["up_in"])
    for name in ("up_15x24", "up_16x23", "up_11x18"):
        np.testing.assert_allclose(
            octaves.resize(small, stored[name].shape[1:]).numpy(), stored[name], rtol=1e-5, atol=1e-5
        )


def test_sizes_grow_and_end_at_the_pictures_own():
    assert octaves.sizes(575, 1024, 4, 1.4) == [(210, 373), (294, 522), (411, 731), (575, 1024)]


def test_octaves_below_one_pixel_do_not_exist():
    assert octaves.sizes(3, 5, 9, 2.0)[0] == (1, 1)
