"""Keyframed values."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batcountry.errors import RecipeError
from batcountry.motion.keyframes import Curve, Fade

numbers = st.floats(-1e6, 1e6).map(lambda each: float(f"{each:.6g}"))
maps = st.dictionaries(st.integers(0, 10_000), numbers, min_size=2, max_size=6).map(
    lambda d: dict(sorted(d.items()))
)


def test_a_constant_is_the_same_everywhere():
    assert [Curve.parse(given).at(frame, frame / 25) for given in (1.5, "1.5") for frame in (0, 9)] == [
        1.5
    ] * 4


@pytest.mark.parametrize(
    ("easing", "expected"),
    [("linear", 1.25), ("smooth", 1 + 0.25**2 * (3 - 0.5)), ("hold", 1.0)],
)
def test_a_quarter_of_the_way_by_each_easing(easing, expected):
    assert Curve.parse(f"10: 1, 50: 2 {easing}").at(20, 0) == pytest.approx(expected)


def test_before_the_first_key_and_after_the_last_the_value_stays():
    curve = Curve.parse("10: 3, 20: 5")
    assert (curve.at(0, 0), curve.at(20, 0), curve.at(99, 0)) == (3, 5, 5)


def test_seconds_follow_the_time_and_not_the_frame():
    assert Curve.parse("1s: 0, 3s: 4").at(1, 2.5) == pytest.approx(3)


@given(maps, st.integers(0, 12_000))
def test_between_keys_values_lie_between_those_of_the_keys_and_at_keys_on_them(points, frame):
    curve = Curve.parse(points)
    assert min(points.values()) - 1e-6 <= curve.at(frame, 0) <= max(points.values()) + 1e-6
    for key, value in points.items():
        assert curve.at(key, 0) == pytest.approx(value, abs=1e-6 * max(1, abs(value)))


@given(maps, st.sampled_from(["linear", "smooth", "hold"]))
def test_the_text_form_read_again_is_the_same_curve(points, easing):
    curve = Curve.parse(", ".join(f"{key}: {value} {easing}" for key, value in points.items()))
    assert Curve.parse(str(curve)) == curve


@pytest.mark.parametrize(
    "text",
    ["", "x", "0: 1, 0: 2", "5: 1, 3: 2", "1: 1, 2s: 2", "0:", "0: nan", "1, 0: 2", "0: 1 quick", "inf"],
)
def test_what_is_no_curve_is_refused_with_a_sentence(text):
    with pytest.raises(RecipeError):
        Curve.parse(text)


def test_texts_fade_into_each_other_with_weights_that_add_up():
    fade = Fade.parse('0: channel("a/b", 3), 40: blocks.10')
    assert fade.at(0, 0) == [('channel("a/b", 3)', 1.0)]
    assert fade.at(10, 0) == [('channel("a/b", 3)', 0.75), ("blocks.10", 0.25)]
    assert fade.at(40, 0) == [("blocks.10", 1.0)]
    assert math.isclose(sum(weight for _, weight in fade.at(33, 0)), 1)


@pytest.mark.parametrize("shape", [Curve, Fade])
def test_a_key_at_0_goes_with_seconds_and_with_frames(shape):
    assert str(shape.parse("0: 1, 4s: 3")) == str(shape.parse("0s: 1, 4s: 3"))
    assert shape.parse("0: 1, 4: 3") != shape.parse("0: 1, 4s: 3")
