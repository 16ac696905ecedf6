"""JSON of anybody's is read in one way or not at all."""

import json

import pytest

from batcountry.errors import JobError, RecipeError
from batcountry.jobs import JobSpec
from batcountry.recipe import Recipe
from batcountry.recipe.json_text import DEEPEST, read_json

REFUSED = [
    ("{'a': 1}", "is not JSON"),
    ('{"a": NaN}', "has NaN in it"),
    ('{"a": -Infinity}', "has -Infinity in it"),
    ('{"a": [1e999]}', "has a number in it that is too large"),
    (f'{{"a": {2**63}}}', "has a number in it that is too large"),
    (f'{{"a": {"9" * 5000}}}', "is not JSON"),
    ('{"a": 1, "b": {"c": 2, "c": 3}}', "says 'c' twice"),
    ('{"a": "\\ud800"}', "has half of a character in it"),
    ('{"\\udfff": 1}', "has half of a character in it"),
    ('{"a": ' + "[" * DEEPEST + "]" * DEEPEST + "}", "is nested too deeply"),
    ("[" * 100_000, "is not JSON"),
    (" " * (1 << 20) + "{}", "has more than 1,048,576 bytes"),
    (b"\xff\xfe{", "is not JSON"),
    ("", "is not JSON"),
]


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_what_could_be_read_in_two_ways_or_in_none_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        read_json(text)
    if isinstance(text, str):
        with pytest.raises(RecipeError, match=f"^the recipe {said}") as refused:
            Recipe.read(text)
        assert len(str(refused.value)) < 200
        with pytest.raises(JobError, match=f"^the job .*{said}"):
            JobSpec.read(text)


def test_what_is_json_is_read_as_it_is():
    found = {"a": [1, -(2**63), 2**63 - 1, 0.5, None, True, "ä📷"], "b": {"a": {}}}
    assert read_json(json.dumps(found)) == read_json(json.dumps(found, ensure_ascii=False).encode()) == found


def test_a_wrong_value_is_shown_in_part_only():
    with pytest.raises(RecipeError, match=r"^seed cannot be 'xxx.*…: ") as refused:
        Recipe.of({"seed": "x" * 1_000_000})
    assert len(str(refused.value)) < 400


def test_a_name_that_is_not_utf8_is_said_to_be_so():
    with pytest.raises(JobError, match=r"path cannot be 'bad\\udcff\.png': it is not UTF-8"):
        JobSpec(kind="dream", outputs={"picture": {"path": "bad\udcff.png"}})
