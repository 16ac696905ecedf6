"""Windows: cnn-vis's cover of a picture, and what happens in them."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

import batcountry
from batcountry.errors import RecipeError
from batcountry.objectives import layer
from batcountry.optim.ascent import Ascent
from batcountry.optim.gradient import whole_gradient
from batcountry.optim.optimizers import Schedule, optimizer
from batcountry.optim.sliding_windows import (
    Window,
    WindowedAscent,
    counted,
    in_batches,
    middle_of,
    mirrored,
    starts,
    windows,
)
from conftest import WEIGHTS, two_sums

rng = np.random.RandomState(9)


def cnn_vis_starts(length, side):
    """The first even cover that cnn-vis finds valid."""
    for number in range(1, 1001):
        ranges = [(s := int(np.floor(x + 0.5)), s + side) for x in np.linspace(0, length - side, number)]
        pairs, seconds = pairwise(ranges), zip(ranges, ranges[2:], strict=False)
        covers = ranges[0][0] == 0 and ranges[-1][1] == length
        if (
            covers
            and all(a[0] != b[0] and a[1] >= b[0] for a, b in pairs)
            and all(a[1] < b[0] for a, b in seconds)
        ):
            return [start for start, _ in ranges]
    return None


@given(st.integers(8, 60), st.integers(0, 400))
@example(10, 291)  # a window that begins at 242.5
def test_windows_cover_an_axis_as_cnn_vis_covers_it(side, more):
    assert starts(side + more, side) == cnn_vis_starts(side + more, side)


@given(st.integers(11, 90), st.integers(13, 90))
def test_each_pixel_is_in_a_window_and_in_at_most_four(height, width):
    even, odd = windows((height, width), (11, 13))
    over = counted((height, width), [*even, *odd])
    assert over.min() >= 1
    assert over.max() <= 4


def test_even_and_odd_windows_lie_as_on_a_chessboard():
    even, odd = windows((20, 30), (10, 10))
    assert even == [Window(0, 0, 10, 10), Window(10, 10, 10, 10), Window(0, 20, 10, 10)]
    assert odd == [Window(10, 0, 10, 10), Window(0, 10, 10, 10), Window(10, 20, 10, 10)]


def test_a_picture_smaller_than_a_window_is_refused():
    with pytest.raises(RecipeError, match="9×40 pixels has no room for windows of 10×10"):
        windows((40, 9), (10, 10))


def by_hand(image, size, side, step_size, decay, steps, rates):
    """Loop of cnn-vis in NumPy for the objective of the net on paper: mean of squares of its sums."""
    places = [(top, left) for left in starts(size[1], side[1]) for top in starts(size[0], side[0])]
    rows = len(starts(size[0], side[0]))
    over = np.zeros(size)
    for top, left in places:
        over[top : top + side[0], left : left + side[1]] += 1
    caches = {}
    for _ in range(steps):
        for parity in (0, 1):
            chosen = [p for i, p in enumerate(places) if (i % rows + i // rows) % 2 == parity]
            slopes = {}
            for top, left in chosen:
                part = image[:, top : top + side[0], left : left + side[1]]
                # d/dx of the mean over 2·H·W values of the squares
                slopes[top, left] = np.einsum("khw,kc->chw", two_sums(part), WEIGHTS) / part[0].size
            for (top, left), slope in slopes.items():
                cache = decay * caches.get((top, left), 0) + (1 - decay) * slope**2
                caches[top, left] = cache
                step = step_size * slope / (np.sqrt(cache) + 1e-8)
                if rates:
                    step = step / over[top : top + side[0], left : left + side[1]]
                image[:, top : top + side[0], left : left + side[1]] += step
    return image


@pytest.mark.parametrize("rates", [False, True])
def test_steps_are_those_of_cnn_vis_worked_out_by_hand(two_channels, rates):
    image = rng.uniform(0, 200, (3, 23, 31))
    climb = WindowedAscent(
        Ascent(
            in_batches(whole_gradient(two_channels, layer("sum")), 2),
            optimizer("rmsprop", Schedule(2.0), smoothing=0.8),
            (),
            np.random,
            clip=False,
        ),
        (10, 12),
        rates,
    ).on(torch.from_numpy(image).float()[None])
    for _ in range(3):
        found, _ = climb.step()
    wanted = by_hand(image.copy(), (23, 31), (10, 12), 2.0, 0.8, 3, rates)
    np.testing.assert_allclose(found[0].numpy(), wanted, rtol=1e-4)


def test_several_pictures_at_once_are_refused(two_channels):
    gradient = whole_gradient(two_channels, layer("sum"))
    ascent = Ascent(gradient, optimizer("rmsprop", Schedule(1.0)), (), np.random)
    with pytest.raises(RecipeError, match="one picture, not 2"):
        WindowedAscent(ascent, (10, 12)).on(torch.zeros(2, 3, 23, 31))


def test_batches_are_no_larger_than_asked_and_change_nothing(two_channels):
    seen = []
    gradient = whole_gradient(two_channels, layer("sum"))

    def counting(image, aux_inputs):
        seen.append(len(image))
        return gradient(image, aux_inputs)

    batch = torch.rand(7, 3, 11, 13)
    score, slope = in_batches(counting, 3)(batch, {"@x": torch.rand(1, 1, 11, 13)})
    whole_score, whole = gradient(batch)
    assert seen == [3, 3, 1]
    assert float(score) == pytest.approx(float(whole_score), rel=1e-5)
    torch.testing.assert_close(slope, whole)


def test_one_window_over_all_is_plain_ascent(photo):
    options = {"octaves": 1, "iterations": 3, "jitter": 4, "layer": "blocks.2", "precision": "exact"}
    plain, windowed = (
        batcountry.dream(photo, param="pixels", windows=each, **options) for each in ("none", "37x53")
    )
    np.testing.assert_allclose(plain.pixels, windowed.pixels, atol=1e-2)


def test_windows_go_with_masks_and_penalties(photo):
    mask = np.zeros((37, 53, 3), np.uint8)
    mask[:, 30:] = 255
    found = batcountry.dream(
        photo,
        objective='layer("blocks.2") - 0.001*drift() - 0.001*tv()',
        octaves=2,
        iterations=2,
        octave_scale=1.1,
        windows="33x33",
        mask=mask,
    )
    assert np.array_equal(found.array()[:, :30], photo[:, :30])
    assert not np.array_equal(found.array()[:, 30:], photo[:, 30:])


@pytest.mark.parametrize(("side", "window"), [(7, 11), (7, 30), (1, 4), (8, 8), (9, 5)])
def test_a_small_picture_is_in_the_middle_of_its_mirror_image(side, window):
    picture = torch.arange(2.0 * side * 6).reshape(1, 2, side, 6)
    large = mirrored(picture, (window, 6))
    before = max(0, window - side) // 2
    assert large.shape == (1, 2, max(side, window), 6)
    rows = np.pad(np.arange(side), (before, max(0, window - side) - before), mode="reflect")
    assert torch.equal(large, picture[:, :, rows])
    assert torch.equal(middle_of((window, 6), picture).of(large), picture)
    assert torch.equal(mirrored(picture.mT, (6, window)), large.mT)


def test_a_picture_smaller_than_the_windows_grows_as_the_middle_of_its_mirror_image(two_channels):
    picture = torch.rand(1, 3, 5, 9) * 255

    def climb(image):
        ascent = optimizer("ascent", Schedule(3.0))
        gradient = whole_gradient(two_channels, layer("sum"))
        return WindowedAscent(Ascent(gradient, ascent, (), np.random.RandomState(3)), (8, 12)).on(image)

    small, large = climb(picture), climb(mirrored(picture, (8, 12)))
    for _ in range(3):
        (found, score), (whole, expected) = small.step(), large.step()
        assert score == expected
        assert torch.equal(found, whole[:, :, 1:6, 1:10])
    assert not torch.equal(found, picture)
    again = climb(picture)
    again.load(small.state())
    assert torch.equal(again.step()[0], small.step()[0])


@pytest.mark.parametrize("size", [(224, 224), (60, 40), (230, 100), (100, 250), (7, 9)])
def test_a_layer_of_one_size_dreams_on_all_sizes_through_windows_of_the_networks_own(size):
    picture = np.random.RandomState(1).randint(0, 256, (*size, 3), dtype=np.uint8)
    model = batcountry.open_model()
    found = batcountry.dream(picture, model=model, layer="stem", windows="input", octaves=1, iterations=1)
    assert found.array().shape == picture.shape
    assert not np.array_equal(found.array(), picture)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"windows": "64x64"}, "no room for windows of 64×64"),
        ({"windows": "all"}, "such as 600x800"),
        ({"windows": "16x16", "wrap": "x"}, "wrap 'x' does not go with windows"),
        ({"windows": "16x16", "tile": 64}, "tile 64 does not go with windows"),
        ({"windows": "16x16", "redirect_relu": 5}, "redirect_relu 5 does not go with windows"),
        ({"window_batch": 3}, "window_batch is for windows"),
        ({"window_rates": True}, "window_rates is for windows"),
        ({"initial_size": "x2"}, "from small to large, not from 106×74 to 53×37"),
        ({"initial_size": "0x20"}, "such as 600x800"),
        ({"final_size": "x65"}, "up to x64"),
        ({"spacing": "linear"}, "spacing is for sizes between"),
        ({"carry": "pictur"}, "did you mean 'picture'"),
        ({"carry": "picture", "wrap": "xy"}, "hands its detail on"),
        ({"final_size": "60000x60000"}, "at most 100,000,000 pixels"),
    ],
)
def test_what_cannot_work_is_said_before_any_step(photo, options, message):
    with pytest.raises(batcountry.errors.BatCountryError, match=message):
        batcountry.dreaming(photo, **options)


@pytest.mark.slow
def test_a_class_of_googlenet_grows_through_the_classifier_on_a_canvas_of_any_size(googlenet):
    with pytest.raises(RecipeError, match="for which there are windows"):
        batcountry.dreaming(
            model=googlenet, objective='logit("volcano")', start="noise(10)", canvas="230x300"
        )
    steps = list(
        batcountry.dreaming(
            model=googlenet,
            objective='logit("volcano")',
            start="noise(10)",
            canvas="230x300",
            windows="input",
            octaves=1,
            iterations=4,
        )
    )
    assert steps[-1].score > steps[0].score + 1
    assert steps[-1].image.shape == (1, 3, 230, 300)
