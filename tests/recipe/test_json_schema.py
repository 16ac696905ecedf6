"""The recipe's JSON schema: what a form or another program can know of a recipe without Python."""

import json

import jsonschema
import pytest

from batcountry.errors import RecipeError
from batcountry.recipe import Recipe
from batcountry.recipe.fields import GROUPS

SCHEMA = Recipe.model_json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

CHOICES = {
    "carry": ["detail", "picture"],
    "color": ["free", "keep", "match"],
    "normalize": ["mean", "std", "rms", "bands", "none", None],
    "optimizer": ["ascent", "adam", "rmsprop", "rmsprop-cnn-vis"],
    "param": ["decorrelated", "pixels", "fourier", "soft-fourier", "maco", None],
    "precision": ["exact", "fast", "auto"],
    "spacing": ["geometric", "linear"],
    "strength": ["gentle", "normal", "wild"],
    "wrap": ["none", "x", "xy"],
}

RANGES = {
    "octaves": (1, 64, ()),
    "octave_scale": (1.001, 16, (1,)),
    "iterations": (1, 100_000, ()),
    "step_size": (0.001, 255, (0,)),
    "fade": (0, 100, ()),
    "smoothing": (0, 0.999, (1,)),
    "decay": (0.001, 1, (0,)),
    "decay_every": (0, 100_000, ()),
    "redirect_relu": (0, 100_000, ()),
    "jitter": (0, 4096, ()),
    "seed": (0, 2**32 - 1, (2**32,)),
    "frame": (1, 1_000_000, (0,)),
    "size": (8, 262_144, (7,)),
    "enlarge": (8, 262_144, (7,)),
    "window_batch": (1, 4096, ()),
    "view_batch": (1, 256, ()),
    "views": (1, 256, ()),
    "tile": (0, 65_536, ()),
}


def takes(**options):
    """Whether the schema takes a recipe; what it says has to be what `Recipe` says."""
    recipe = {**json.loads(Recipe().model_dump_json()), **options}
    taken = VALIDATOR.is_valid(recipe)
    if taken:
        Recipe.of(recipe)
    else:
        with pytest.raises(RecipeError):
            Recipe.of(recipe)
    return taken


def test_it_is_a_schema_of_an_object_that_has_no_other_fields_than_a_recipe():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["type"] == "object"
    assert list(SCHEMA["properties"]) == list(Recipe.model_fields)
    assert not takes(iteration=3)


def test_its_defaults_are_the_recipe_of_somebody_who_says_nothing():
    defaults = {name: field["default"] for name, field in SCHEMA["properties"].items()}
    assert Recipe.of(defaults) == Recipe()
    assert "required" not in SCHEMA
    assert takes()


def test_choices_are_enumerations_and_none_is_missing():
    found = {name: field["enum"] for name, field in SCHEMA["properties"].items() if "enum" in field}
    assert found == CHOICES


@pytest.mark.parametrize("name", CHOICES)
def test_a_recipe_takes_each_choice_and_gives_it_back_in_its_json(name):
    for choice in CHOICES[name]:
        assert takes(**{name: choice})
        assert json.loads(Recipe(**{name: choice}).model_dump_json())[name] == choice


@pytest.mark.parametrize("name", RANGES)
def test_numbers_have_their_ranges_in_it(name):
    least, most, beyond = RANGES[name]
    step = 1 if isinstance(least, int) else 0.01
    assert takes(**{name: least})
    assert takes(**{name: most})
    for each in beyond or (least - step, most + step):
        assert not takes(**{name: each})


def test_every_number_has_a_range():
    def is_number(field):
        kinds = field.get("type", ())
        return {"integer", "number"} & {*([kinds] if isinstance(kinds, str) else kinds)}

    assert {name for name, field in SCHEMA["properties"].items() if is_number(field)} == set(RANGES)


def test_every_field_has_a_title_a_group_and_a_sentence_and_titles_differ():
    fields = SCHEMA["properties"].values()
    assert len({field["title"] for field in fields}) == len(fields)
    for field in fields:
        assert field["group"] in GROUPS
        assert field["description"][0].isalnum() or field["description"][0] == '"'
        assert field["description"].endswith((".", ").", '").'))


def test_a_few_fields_come_first_and_files_are_marked():
    fields = SCHEMA["properties"]
    assert {name for name, field in fields.items() if field["level"] == "everyday"} == {
        *("model", "layer", "guide", "objective", "strength", "iterations", "seed", "size")
    }
    assert {name for name, field in fields.items() if field.get("format") == "path"} == {
        *("weights", "guide", "mask")
    }


def test_it_is_json_and_the_same_each_time():
    assert json.loads(json.dumps(Recipe.model_json_schema())) == SCHEMA


def test_its_description_says_what_a_recipe_is_and_not_each_field_again():
    assert SCHEMA["description"].startswith("How to dream.")
    assert "octave_scale" not in SCHEMA["description"]
