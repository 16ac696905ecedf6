import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

import batcountry
from batcountry.dreams import octaves
from batcountry.image.resample import resize


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
            resize(small, stored[name].shape[1:]).numpy(), stored[name], rtol=1e-5, atol=1e-5
        )


def test_sizes_grow_and_end_at_the_pictures_own():
    assert octaves.sizes(575, 1024, 4, 1.4) == [(210, 373), (294, 522), (411, 731), (575, 1024)]


@pytest.mark.parametrize(
    ("size", "count"), [((180, 320), 3), ((320, 180), 3), ((575, 1024), 6), ((2250, 4000), 10), ((40, 60), 1)]
)
def test_the_first_octave_is_about_as_large_whatever_the_pictures_size(size, count):
    assert octaves.usual_count(*size, 1.4) == count
    height, width = octaves.sizes(*size, count, 1.4)[0]
    assert min(size) == 40 or 143 / 1.2 < (height * width) ** 0.5 < 143 * 1.2


@pytest.mark.parametrize("scale", [1.1, 1.4, 2.0, 5.0])
def test_the_first_octave_is_about_as_large_whatever_lies_between_octaves(scale):
    count = octaves.usual_count(1500, 2000, scale)
    height, width = octaves.sizes(1500, 2000, count, scale)[0]
    assert 143 / scale**0.55 < (height * width) ** 0.5 < 143 * scale**0.55


def test_the_picture_says_how_many_octaves_were_chosen(photo, caplog):
    large = np.repeat(np.repeat(photo, 8, 0), 8, 1)
    options = {"layer": "stem", "iterations": 1}
    assert batcountry.Note.read(batcountry.dream(large, **options).note).recipe.octaves == 4
    assert batcountry.Note.read(batcountry.dream(photo, **options).note).recipe.octaves == 1
    assert "left out" not in caplog.text


def test_octaves_below_one_pixel_do_not_exist():
    assert octaves.sizes(3, 5, 9, 2.0)[0] == (1, 1)


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_sizes_between_two_are_cnn_vis_formula(linear, count):
    found = octaves.between((270, 480), (1080, 1920), count, linear=linear)
    axes = []
    for low, high in ((270, 1080), (480, 1920)):
        even = np.linspace(low, high, count) if linear else np.logspace(np.log10(low), np.log10(high), count)
        axes.append([int(each) for each in np.round(even)])
    assert found == (list(zip(*axes, strict=True)) if count > 1 else [(270, 480)])


def test_a_picture_that_is_carried_is_enlarged_whole():
    dream, without, base = torch.rand(1, 3, 9, 13) * 255, torch.zeros(1, 3, 9, 13), torch.zeros(1, 3, 18, 26)
    found = octaves.OCTAVE_TRANSFERS["picture"].start(dream, without, base, (False, False))
    assert found.shape == base.shape
    assert float(found.mean()) == pytest.approx(float(dream.mean()), rel=0.02)
    levels = octaves.OCTAVE_TRANSFERS["picture"].levels(dream, [(9, 13), (18, 26)], (False, False))
    assert torch.equal(levels[0], dream)


@pytest.mark.parametrize("carry", ["detail", "picture"])
def test_a_dream_has_the_sizes_that_it_was_told(photo, carry):
    steps = batcountry.dreaming(
        photo, initial_size="x1.0", final_size="60x70", octaves=3, carry=carry, iterations=1, layer="blocks.1"
    )
    assert [step.size for step in steps] == [(37, 53), (47, 61), (60, 70)]


def test_what_is_only_in_the_picture_stays_with_the_picture(photo):
    detail, whole = (
        batcountry.dream(
            photo, initial_size="x0.5", octaves=2, carry=carry, iterations=1, step_size=0.01, layer="blocks.1"
        )
        for carry in ("detail", "picture")
    )
    assert np.abs(detail.pixels - photo).mean() < 1
    assert np.abs(whole.pixels - photo).mean() > 5
