from itertools import pairwise

import numpy as np
import pytest
import torch

import batcountry
from batcountry.dreams import octaves
from batcountry.image.resample import resize


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


SMALL = torch.from_numpy(np.random.RandomState(1).uniform(0, 255, (2, 3, 7, 11)).astype(np.float32))


def test_every_level_of_a_pyramid_is_made_from_the_next_larger_one():
    sizes = [(3, 5), (5, 7), (7, 11), (13, 17)]
    for wrap in ((False, False), (True, True)):
        found = octaves.pyramid(SMALL, sizes, wrap)
        assert [tuple(each.shape[-2:]) for each in found] == sizes
        assert torch.equal(found[3], resize(SMALL, (13, 17), wrap))
        for smaller, larger, size in zip(found, found[1:], sizes, strict=False):
            assert torch.equal(smaller, resize(larger, size, wrap))


def test_each_size_is_the_larger_one_divided_and_rounded():
    found = octaves.sizes(101, 211, 5, 1.7)
    assert found[-1] == (101, 211) and len(found) == 5
    for (height, width), (higher, wider) in pairwise(found):
        assert (height, width) == (round(higher / 1.7), round(wider / 1.7))
    assert octaves.sizes(101, 211, 1, 1.7) == [(101, 211)]
    assert octaves.sizes(3, 211, 9, 2.0) == [(1, 53), (2, 106), (3, 211)]


@pytest.mark.parametrize(("count", "scale"), [(1, 1.4), (2, 1.4), (5, 1.4), (3, 2.0)])
def test_the_number_of_octaves_goes_by_the_pictures_area(count, scale):
    side = 143 * scale ** (count - 1)
    assert octaves.usual_count(round(side), round(side), scale) == count
    assert octaves.usual_count(round(side / 2), round(side * 2), scale) == count


def test_detail_that_is_carried_is_what_was_dreamed_resized_round():
    dream, without, base = SMALL * 0.5, SMALL * 0.2, torch.full((2, 3, 13, 19), 9.0)
    for wrap in ((False, False), (True, True)):
        found = octaves.OCTAVE_TRANSFERS["detail"].start(dream, without, base, wrap)
        torch.testing.assert_close(found, 9 + resize(SMALL * 0.3, (13, 19), wrap), atol=1e-3, rtol=0)
        levels = octaves.OCTAVE_TRANSFERS["detail"].levels(SMALL, [(3, 5), (7, 11)], wrap)
        assert torch.equal(levels[0], resize(SMALL, (3, 5), wrap))


def test_sizes_between_two_are_spaced_geometrically_where_nothing_is_said():
    assert octaves.between((25, 49), (100, 196), 3) == [(25, 49), (50, 98), (100, 196)]
