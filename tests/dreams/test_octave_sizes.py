"""Which sizes a dream has."""

import logging

import pytest

from batcountry.dreams import octaves
from batcountry.dreams.buffers import Buffers
from batcountry.dreams.octave_sizes import (
    holding,
    large_enough,
    octave_count,
    octave_sizes,
    plan_dream,
    runnable_sizes,
)
from batcountry.dreams.resolve import resolve
from batcountry.errors import RecipeError
from batcountry.optim.gradient import whole_gradient
from batcountry.optim.transforms import parse
from batcountry.recipe import Recipe

SIZE = (370, 530)
SMALL = [(1, 2), (2, 4), (3, 5), (7, 11)]
"""Of which the layer `mean` of the net on paper, a mean over 3×3, runs on the last two."""


def test_without_more_said_sizes_are_the_pictures_own_divided_as_often_as_suits_it():
    assert octave_sizes(Recipe(), SIZE) == octaves.sizes(370, 530, octaves.usual_count(370, 530, 1.4), 1.4)
    assert octave_sizes(Recipe(octave_scale=2.0), SIZE) == octaves.sizes(370, 530, 3, 2.0)
    assert octave_sizes(Recipe(octaves=2, octave_scale=1.7), SIZE) == [(218, 312), SIZE]


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"initial_size": "x0.5", "octaves": 3}, [(185, 265), (262, 375), (370, 530)]),
        ({"initial_size": "x0.5", "octaves": 3, "spacing": "linear"}, [(185, 265), (278, 398), (370, 530)]),
        ({"final_size": "x2", "octaves": 2}, [(370, 530), (740, 1060)]),
        ({"initial_size": "40x50", "final_size": "160x200", "octaves": 3}, [(40, 50), (80, 100), (160, 200)]),
        ({"initial_size": "x2", "octaves": 1}, [(740, 1060)]),
    ],
)
def test_sizes_lie_between_the_first_and_the_last_where_they_are_said(options, sizes):
    assert octave_sizes(Recipe(**options), SIZE) == sizes


@pytest.mark.parametrize("options", [{"initial_size": "x0.5"}, {"final_size": "x1.5"}])
def test_where_only_one_size_is_said_there_are_four_octaves(options):
    assert len(octave_sizes(Recipe(**options), SIZE)) == 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"initial_size": "371x530"}, "not from 530×371 to 530×370 pixels"),
        ({"initial_size": "370x531"}, "not from 531×370 to 530×370 pixels"),
        ({"final_size": "x0.5"}, "not from 530×370 to 265×185 pixels"),
        ({"final_size": "x0.5", "octaves": 2}, "not from 530×370 to 265×185 pixels"),
        ({"final_size": "x64"}, "the last octave would be 33920×23680 pixels"),
    ],
)
def test_sizes_that_cannot_be_are_refused(options, said):
    with pytest.raises(RecipeError, match=said):
        octave_sizes(Recipe(**options), SIZE)


def test_one_size_may_be_all_there_is_and_equal_sizes_may_follow_each_other():
    assert octave_sizes(Recipe(initial_size="370x530", octaves=2), SIZE) == [SIZE, SIZE]
    assert octave_sizes(Recipe(final_size="10000x10000", initial_size="x1", octaves=2), SIZE)[1] == (
        10_000,
        10_000,
    )


@pytest.mark.parametrize("size", [(5_000, 20_000), (20_000, 5_000)])
def test_the_last_octave_may_have_all_pixels_that_are_allowed_whichever_side_is_longer(size):
    height, width = size
    assert octave_sizes(Recipe(final_size=f"{height}x{width}", octaves=2), SIZE)[1] == size


def test_windows_need_room_along_both_axes_and_the_largest_stays():
    sizes = [(5, 9), (7, 9), (7, 11), (9, 13)]
    assert holding((7, 11), sizes) == [(7, 11), (9, 13)]
    assert holding((7, 9), sizes) == sizes[1:]
    assert holding((8, 5), sizes) == [(9, 13)]
    assert holding((8, 99), sizes) == [(9, 13)]


def test_sizes_that_the_network_cannot_run_on_are_left_out_with_a_word(two_channels, caplog):
    with caplog.at_level(logging.WARNING, "batcountry"):
        assert large_enough(two_channels, ["mean"], SMALL) == [(3, 5), (7, 11)]
    assert "left out 2 octave(s) too small for the network: 2×1, 4×2" in caplog.text
    caplog.clear()
    assert large_enough(two_channels, ["mean"], SMALL, chosen=True) == [(3, 5), (7, 11)]
    assert large_enough(two_channels, ["sum"], SMALL) == SMALL
    assert not caplog.records


def test_transforms_change_what_the_network_can_run_on(two_channels, caplog):
    assert large_enough(two_channels, ["mean"], SMALL, parse("pad(1)")) == SMALL
    assert large_enough(two_channels, ["mean"], SMALL, parse("crop(5)")) == [(7, 11)]
    with pytest.raises(RecipeError, match="crop"):
        large_enough(two_channels, ["mean"], SMALL, parse("crop(8)"))


def test_where_no_size_is_large_enough_the_last_is_named(two_channels):
    with pytest.raises(
        RecipeError, match="4×2 pixels is too small for two-channels to run as far as sum, mean"
    ):
        large_enough(two_channels, ["sum", "mean"], SMALL[:2])
    two_channels.input_size = None
    with pytest.raises(
        RecipeError, match=r"4×2 pixels is too small .* mean, or of another size than the only one"
    ):
        large_enough(two_channels, ["mean"], [(1, 2), (2, 2), (2, 4)])
    two_channels.input_size = (1, 2)
    with pytest.raises(RecipeError, match=r"as far as mean; use a larger picture \(enlarge"):
        large_enough(two_channels, ["mean"], [(1, 2), (2, 2), (2, 4)])


def test_octaves_that_run_are_counted_down_from_the_picture(two_channels, caplog):
    with caplog.at_level(logging.WARNING, "batcountry"):
        assert runnable_sizes(two_channels, ["mean"], (7, 11), 4, 2.0) == [(4, 6), (7, 11)]
        assert "left out 2 octave(s)" in caplog.text
        caplog.clear()
        assert runnable_sizes(two_channels, ["mean"], SIZE, None, 1.4) == octaves.sizes(370, 530, 4, 1.4)
        assert not caplog.records


def test_nothing_is_said_of_small_octaves_that_nobody_asked_for(two_channels, caplog):
    assert octaves.usual_count(4, 20_000, 2.0) == 2
    with caplog.at_level(logging.WARNING, "batcountry"):
        assert runnable_sizes(two_channels, ["mean"], (4, 20_000), None, 2.0) == [(4, 20_000)]
        assert not caplog.records
        assert runnable_sizes(two_channels, ["mean"], (4, 20_000), 2, 2.0) == [(4, 20_000)]
        assert "left out 1 octave(s)" in caplog.text


def test_octaves_are_as_many_as_are_said_or_run(two_channels):
    two_channels.input_size = (200, 300)
    for options, count in (
        ({"octaves": 9}, 9),
        ({}, 4),
        ({"octave_scale": 2.0}, 3),
        ({"windows": "input"}, 2),
        ({"windows": "350x530"}, 1),
        ({"windows": "20x20"}, 4),
    ):
        assert octave_count(two_channels, ["mean"], Recipe(**options), SIZE) == count
    assert octave_count(two_channels, ["mean"], Recipe(initial_size="x0.005"), (200, 300)) == 3


def test_a_plan_is_of_what_the_network_sees(two_channels, monkeypatch):
    told = {}

    def plan(model, objective, whole, sizes, iterations, **more):
        told.update(more, model=model, objective=objective, whole=whole, sizes=sizes, iterations=iterations)
        return "planned"

    monkeypatch.setattr("batcountry.dreams.octave_sizes.plan", plan)
    options = {"tile": 32, "max_memory": "3GB", "wrap": "x", "iterations": 7, "transforms": "pad(3)"}
    resolved = resolve(Recipe(**options), {"model": two_channels})
    whole = whole_gradient(two_channels, resolved.objective)
    assert plan_dream(resolved, whole, [(5, 7), (8, 10), (11, 13)], Buffers(100, 140, 60), 3) == "planned"
    assert (told["model"], told["objective"], told["whole"]) == (resolved.model, resolved.objective, whole)
    assert told["sizes"] == [(11, 13), (14, 16), (17, 19)]
    assert (told["iterations"], told["tile"], told["max_memory"]) == (7, 32, "3GB")
    assert told["wrap"] == (False, True)
    share = 11 * 13 / (17 * 19)
    buffers = told["buffers"]
    assert (buffers.during, buffers.between, buffers.finish) == pytest.approx(
        (100 * share, 140 * share, 60 * share)
    )
    assert told["count"] == 3
