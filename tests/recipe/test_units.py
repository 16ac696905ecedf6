"""Sizes and amounts as people write them."""

from fractions import Fraction
from typing import Annotated

import pytest
from pydantic import TypeAdapter, ValidationError

from batcountry.errors import RecipeError
from batcountry.recipe import Recipe
from batcountry.recipe.units import (
    MOST_PIXELS,
    _kept,
    parsed_bytes,
    parsed_size,
    seconds_of,
    size_of,
    text_schema,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("600x801", (600, 801)),
        (" 7 × 11 ", (7, 11)),
        ("1x1", (1, 1)),
        ("262144x381", (262_144, 381)),
        ("381x262144", (381, 262_144)),
        ("10000x10000", (10_000, 10_000)),
    ],
)
def test_a_size_is_a_height_and_a_width(text, size):
    assert parsed_size(text) == size
    assert size_of(text, (37, 53)) == size


@pytest.mark.parametrize(
    "text",
    [
        "",
        "600",
        "600x",
        "x800",
        "600x800x3",
        "0x8",
        "8x0",
        "-8x8",
        "262145x1",
        "1x262145",
        "1234567x1",
        "8.5x8",
    ],
)
def test_what_is_no_size_is_answered_with_one(text):
    with pytest.raises(ValueError, match=r"^give height and width in pixels, such as 600x800$"):
        parsed_size(text)


def test_a_size_has_no_more_pixels_than_can_be():
    assert MOST_PIXELS == 100_000_000
    with pytest.raises(ValueError, match="at most 100,000,000 pixels in all"):
        parsed_size("10000x10001")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("x0.5", (18, 26)),
        (" × 2 ", (74, 106)),
        ("x.25", (9, 13)),
        ("x64", (2368, 3392)),
        ("x0.001", (1, 1)),
        ("x1", (37, 53)),
    ],
)
def test_a_part_of_a_size_is_rounded_down_and_at_least_a_pixel(text, size):
    assert size_of(text, (37, 53)) == size


@pytest.mark.parametrize(
    ("text", "said"),
    [("x0", "up to x64"), ("x64.1", "up to x64"), ("x", "such as 600x800"), ("0.5", "such as 600x800")],
)
def test_a_part_that_cannot_be_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        size_of(text, (37, 53))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("2GB", 2_000_000_000),
        ("800 MB", 800_000_000),
        ("1.5GiB", 3 << 29),
        ("3kib", 3072),
        ("17", 17),
        ("17B", 17),
    ],
)
def test_bytes_are_a_number_with_a_unit(text, count):
    assert parsed_bytes(text) == count


@pytest.mark.parametrize("text", ["", "GB", "2 gigs", "-3MB", "nothing"])
def test_what_is_no_number_of_bytes_is_answered_with_one(text):
    with pytest.raises(ValueError, match="give a number with a unit, such as 2GB or 800MB"):
        parsed_bytes(text)


def test_in_a_recipe_they_stay_as_they_were_written():
    written = {"canvas": " 7 × 11", "initial_size": "x0.5", "final_size": "60x70", "max_memory": "2 GB"}
    recipe = Recipe(**written)
    assert {name: getattr(recipe, name) for name in written} == written
    for windows in ("none", "input", "20x30"):
        assert Recipe(windows=windows).windows == windows


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"canvas": "x2"}, "canvas cannot be 'x2': give height and width"),
        ({"windows": "outputs"}, "windows cannot be 'outputs': give height and width"),
        ({"initial_size": "x65"}, "initial_size cannot be 'x65': give a part"),
        ({"max_memory": "0GB"}, "max_memory cannot be '0GB': it must be more than nothing"),
    ],
)
def test_a_recipe_refuses_what_they_cannot_be(options, said):
    with pytest.raises(RecipeError, match=said):
        Recipe(**options)
    assert Recipe(max_memory="1B").max_memory == "1B"


def test_a_text_that_is_checked_stays_as_it_was_written():
    text = TypeAdapter(Annotated[str, _kept(parsed_size)])
    assert text.validate_python(" 7 × 11") == " 7 × 11"
    with pytest.raises(ValidationError, match="give height and width"):
        text.validate_python("7")


def test_a_schema_has_a_pattern_for_each_way_to_write_a_text():
    text = TypeAdapter(Annotated[str, text_schema("a+", "b")])
    assert text.json_schema() == {"type": "string", "pattern": r"^\s*(a+|b)\s*$"}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("12.5", Fraction(25, 2)),
        ("90", 90),
        ("7.", 7),
        ("1:30", 90),
        (" 2:05.04 ", 125 + Fraction(1, 25)),
        ("1:02:03.25", 3723 + Fraction(1, 4)),
        ("10:00:00", 36_000),
    ],
)
def test_a_time_is_in_seconds_minutes_and_hours_exactly(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "1:", ":30", "1:2:3:4", "1.5:30", "1e3", "1:30 h"])
def test_what_is_no_time_is_answered_with_one(text):
    with pytest.raises(RecipeError, match=r"is not a time; write seconds, or 1:30, or 1:02:03\.5$"):
        seconds_of(text)
