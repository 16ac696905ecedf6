"""What stands in a recipe for Python code."""

import functools
import json

import pytest

from batcountry.errors import RecipeError
from batcountry.recipe.marks import has_mark, mark, name_of, refuse


class Größe:
    """A class whose name is not ASCII."""

    def of(self):
        """Return nothing."""


def test_a_function_is_called_by_its_module_and_name():
    assert name_of(json.loads) == "json.loads"
    assert name_of(Größe) == f"{__name__}.Größe"
    assert name_of(Größe.of) == name_of(Größe().of) == f"{__name__}.Größe.of"


def test_an_object_is_called_by_its_class():
    assert name_of(Größe()) == f"{__name__}.Größe"
    assert name_of(json.JSONEncoder()) == "json.encoder.JSONEncoder"


def test_a_partial_function_is_called_by_what_it_calls():
    partial = functools.partial(functools.partial(json.loads, cls=None), "1")
    assert name_of(partial) == "json.loads"


def test_a_mark_is_a_call_with_the_name_as_people_read_it():
    assert mark(json.loads) == 'python("json.loads")'
    assert mark(Größe) == f'python("{__name__}.Größe")'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (mark(json.loads), True),
        (f"2*{mark(json.loads)} - tv()", True),
        ('jitter(8), python("a.b")', True),
        ('cpython("a.b")', False),
        ("python", False),
        ("python()", False),
        ("layer('python')", False),
        ("", False),
        (None, False),
    ],
)
def test_a_text_with_a_mark_in_it_is_told_from_others(text, found):
    assert has_mark(text) is found


def test_the_error_for_a_mark_says_where_it_is_and_what_to_do():
    error = refuse("objective", 'python("a.b")')
    assert isinstance(error, RecipeError)
    assert str(error).startswith(
        'the objective python("a.b") was Python code, which no file holds: give it again'
    )
