"""What fields say of themselves, wherever options are shown."""

import importlib
import inspect
import pydoc
import sys
from typing import Annotated, Literal

import pytest

import batcountry
from batcountry import motion
from batcountry.dreams.cnn_vis_options import Aim, Penalties
from batcountry.motion.recipes import VideoRecipe, ZoomRecipe
from batcountry.optim import param
from batcountry.recipe import Recipe
from batcountry.recipe.described import described
from batcountry.recipe.fields import GROUPS, OCTAVES, Facts, Group
from batcountry.recipe.registry import RegistryNames
from batcountry.recipe.validation import Options

MODELS = (Recipe, ZoomRecipe, VideoRecipe, Aim, Penalties)


@pytest.mark.parametrize("model", MODELS)
def test_every_field_has_a_group_a_title_and_a_description(model):
    schema = model.model_json_schema()["properties"]
    for name in set(model.model_fields) - {"kind"}:
        assert schema[name]["group"] in GROUPS, name
        assert schema[name]["title"][0].isupper() and "_" not in schema[name]["title"]
        assert schema[name]["description"].endswith(".")
    assert {each.name for each in described(model)} == set(model.model_fields) - {"dream", "keys", "kind"}


def registries():
    for model in MODELS:
        for name, field in model.model_fields.items():
            facts = field.json_schema_extra
            for names in (facts.choices, facts.suggestions) if isinstance(facts, Facts) else ():
                if isinstance(names, RegistryNames):
                    yield pytest.param(names, id=name)


@pytest.mark.parametrize("registry", list(registries()))
def test_names_that_are_known_without_importing_a_registry_are_those_in_it(registry, monkeypatch):
    found = getattr(importlib.import_module(registry.module), registry.name)
    assert list(registry.built_in) == list(found)
    assert registry.group == found.group
    monkeypatch.delitem(sys.modules, registry.module)
    assert registry() == registry.built_in


def test_what_a_program_registers_is_among_the_choices(registered):
    registered(param.PARAMS, "mine", param.Pixels)
    assert "mine" in Recipe.model_json_schema()["properties"]["param"]["enum"]
    assert "mine" in next(each for each in described(Recipe) if each.name == "param").choices


class Small(Options):
    """A few options."""

    count: Annotated[int, OCTAVES("How many.", ge=1, le=9, level="everyday", unit="octaves")] = 4
    share: Annotated[float | None, OCTAVES("How much.", gt=0, lt=1, title="Part")] = None
    seed: Annotated[int, OCTAVES("Of chance.", ge=0, lt=2**8)] = 0
    way: Annotated[Literal["up", "down"], OCTAVES("Where to.", flag="--to")] = "up"
    plain: int = 3


def test_options_are_described_in_words():
    count, share, seed, way = described(Small)
    assert (count.range, share.range, seed.range) == ("1 to 9", "more than 0, less than 1", "0 to 255")
    assert (count.title, share.title) == ("Count", "Part")
    assert (count.flag, way.flag) == ("--count", "--to")
    assert (way.choices, way.sentence) == (("up", "down"), "Where to. One of up, down.")


def test_a_docstring_ends_with_the_fields_and_the_schema_does_not_repeat_them():
    assert "share : float or None, more than 0, less than 1, default None" in Small.__doc__
    assert Small.model_json_schema()["description"] == "A few options."


@pytest.mark.parametrize("thing", [batcountry.dream, Recipe])
def test_help_lists_every_field_of_the_recipe(thing):
    text = pydoc.plain(pydoc.render_doc(thing))
    for name, field in Recipe.model_fields.items():
        assert f"{name} : " in text
        assert f"default {field.default!r}" in text
    assert inspect.getdoc(thing).splitlines()[0].endswith(".")


def test_help_on_films_lists_their_fields():
    for function, recipe in ((motion.zoom, ZoomRecipe), (motion.video, VideoRecipe)):
        for each in described(recipe):
            assert f"{each.name} : " in function.__doc__


def test_a_group_declares_a_field_with_its_facts_and_with_what_pydantic_knows():
    field = Group("Toys")("How many.", title="Number", ge=1, unit="steps", level="everyday", flag="--toys")
    assert (field.description, field.title) == ("How many.", "Number")
    assert field.json_schema_extra == Facts("Toys", unit="steps", level="everyday", flag="--toys")
    assert [each.ge for each in field.metadata] == [1]


@pytest.mark.parametrize(
    ("schema", "merged"),
    [
        ({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}, True),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}, False),
        ({"anyOf": [{"$ref": "#/$defs/Toy"}, {"type": "null"}]}, False),
        ({"anyOf": [{"type": "integer"}]}, False),
        ({"type": "integer"}, False),
    ],
)
def test_what_may_be_null_says_so_in_its_type_if_it_is_of_one_plain_type(schema, merged):
    shown = dict(schema)
    Facts("Toys")(shown)
    own = {"group": "Toys", "unit": "none", "level": "advanced"}
    assert shown == ({"type": ["integer", "null"], "minimum": 1, **own} if merged else {**schema, **own})
