"""The text language: only calls of known functions, checked against their annotations."""

import ast
from typing import Any, Literal

import pytest

from batcountry.errors import RecipeError
from batcountry.objectives.parse import parse as parse_objective
from batcountry.optim.transforms import parse as parse_transforms
from batcountry.recipe.expressions import Calls


def sized(width: int, height: float = 1.0, *more: int, kind: Literal["a", "b"] = "a") -> tuple:
    return ("sized", width, height, *more, kind)


def named(thing: Any, parts: list[float] | None = None) -> tuple:
    if thing == "no":
        raise RecipeError("it cannot be no")
    return ("named", thing, parts)


calls = Calls("shape", {"sized": sized, "named": named})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("sized(3)", ("sized", 3, 1.0, "a")),
        ("sized(3, 2, 4, 5, kind='b')", ("sized", 3, 2, 4, 5, "b")),
        ("sized(-3, +1.5)", ("sized", -3, 1.5, "a")),
        ("named('x', [1, 2.5])", ("named", "x", [1, 2.5])),
        ("named('x', None)", ("named", "x", None)),
        ("sized(1), named('y')", [("sized", 1, 1.0, "a"), ("named", "y", None)]),
        ("3", 3),
    ],
)
def test_texts_that_are_understood(text, value):
    assert calls.parse(text) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sized('3')", "character 1 .* width of sized must be a whole number, not '3'"),
        ("sized(True)", "whole number, not True"),
        ("sized(1, kind='c')", "kind of sized must be one of 'a', 'b'"),
        ("sized(1, 2, 3.5)", "more of sized must be a list, each a whole number"),
        ("named(4)", "thing of named must be a quoted name"),
        ("named('x', 'y')", "parts of named must be a list, each a number or None"),
        ("named('no')", "it cannot be no"),
        ("sized()", r"the form is sized\(width, height, more, kind\)"),
        ("sizd(1)", "did you mean 'sized'"),
        ("sized(1) + sized(2)", "expected a shape such as sized"),
        ("-'a'", "a sign goes before a number"),
        ("(lambda: 1)()", "expected a shape"),
        ("named.__class__('x')", "expected a shape"),
        ("[x for x in 'ab']", "expected a shape"),
        ("named(x)", r"shape 'named\(x\)': names need quotes, .*: 'named\(\"x\"\)'$"),
        ("named(a.b/c, [1]), sized(2)", r"names need quotes, .*'named\(\"a\.b/c\", \[1\]\), sized\(2\)'$"),
        ("named('no, 1)", "this is not a shape"),
        ("sized(x)", "expected a shape such as sized"),
        ("sized(1, kind=c)", "expected a shape"),
        ("", "this is not a shape"),
        ("1;2", "this is not a shape"),
    ],
)
def test_other_texts_are_refused_with_the_place_and_the_reason(text, said):
    with pytest.raises(RecipeError, match=said):
        calls.parse(text)


def test_operators_work_only_where_they_are_given_a_meaning():
    def joined(operator, left, right):
        return (left, right) if isinstance(operator, ast.Add) else None

    summed = Calls("shape", {"sized": sized}, joined)
    assert summed.parse("sized(1) + sized(2)") == (sized(1), sized(2))
    with pytest.raises(RecipeError, match="added, subtracted, and multiplied"):
        summed.parse("sized(1) / sized(2)")


def test_a_text_of_ten_thousand_characters_is_read_and_a_longer_one_is_not():
    assert calls.parse("3" + " " * 9_999) == 3
    with pytest.raises(RecipeError, match=r"^the text of a shape with 10001 characters is too long"):
        calls.parse("3" + " " * 10_000)


@pytest.mark.parametrize("text", ["b'x'", "1j", "...", "named(b'x')", "named(f'x')", "named('x', [1j])"])
def test_what_is_neither_a_number_nor_text_is_refused(text):
    with pytest.raises(RecipeError, match="expected a shape such as sized"):
        calls.parse(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("sized(1) )", "character 10 (')'): this is not a shape"),
        ("-" * 9_000 + "1", "character 1 ('------------'): this is not a shape"),
        ("sizd(11, 22, 33)", "character 1 ('sizd(11, 22,'): there is no shape 'sizd'"),
        ("named('x', [1, sizd(1)])", "character 16 ('sizd(1)])'): there is no shape 'sizd'"),
        ("sized(-sizd(1))", "character 8 ('sizd(1))'): there is no shape 'sizd'"),
    ],
)
def test_an_error_points_at_the_character_and_shows_twelve(text, place):
    with pytest.raises(RecipeError) as caught:
        calls.parse(text)
    assert f"{text!r}, {place}" in str(caught.value)


def test_a_name_that_is_like_no_other_is_answered_with_all():
    with pytest.raises(RecipeError, match=r"there is no shape 'qqqqqqq'; there are named, sized$"):
        calls.parse("qqqqqqq(1)")


def test_a_language_without_functions_says_that_it_wants_a_name():
    with pytest.raises(RecipeError, match=r"expected an owl such as name$"):
        Calls("owl", {}).parse("x.y")


def test_names_that_have_quotes_keep_what_is_in_them():
    def pair(first: Any, second: Any) -> tuple:
        return first, second

    with pytest.raises(RecipeError, match=r"names need quotes, .*: 'pair\(\"a\", \"bcd\"\)'$"):
        Calls("shape", {"pair": pair}).parse("pair(a, 'bcd')")


class OddHint:
    """What no type is called, as an annotation may be anything."""

    def __call__(self):
        """Return nothing: what can be called passes for a type."""

    def __repr__(self):
        return "Odd thing"


def test_what_no_text_can_give_is_called_by_its_types_name():
    def of_type(value: OddHint) -> None: ...

    def of_other(value) -> None: ...

    of_other.__annotations__["value"] = OddHint()
    odd = Calls("shape", {"of_type": of_type, "of_other": of_other})
    with pytest.raises(RecipeError, match="value of of_type must be an oddhint, not 3"):
        odd.parse("of_type(3)")
    with pytest.raises(RecipeError, match="value of of_other must be an odd thing, not 3"):
        odd.parse("of_other(3)")


@pytest.mark.parametrize(
    "text", ["-flip(1)", "+flip(1)", "jitter(8), -flip(1)", "--pad(1)", "-True", "-[1]", "-None"]
)
def test_a_sign_before_what_has_none_is_refused(text):
    with pytest.raises(RecipeError, match="a sign goes before a number"):
        parse_transforms(text)


def test_a_sign_before_an_objective_is_a_factor():
    assert str(parse_objective('-layer("a")')) == '-layer("a")'
    assert parse_objective('--3*layer("a")') == parse_objective('+layer("a")*3')
