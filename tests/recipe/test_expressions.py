"""The text language: only calls of known functions, checked against their annotations."""

import ast
from typing import Any, Literal

import pytest

from batcountry.errors import RecipeError
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
