"""A form can be made from the JSON schema of a recipe alone: nothing that it needs is in prose only."""

import json
import re
from typing import get_args

import pytest

from batcountry.dreams.cnn_vis_options import Aim, Penalties
from batcountry.motion.recipes import VideoRecipe, ZoomRecipe
from batcountry.recipe import Recipe
from batcountry.recipe.fields import GROUPS, Level, Unit

MODELS = (Recipe, ZoomRecipe, VideoRecipe)
ALTERNATIVES = re.compile(r"(?:^|[:;,.] )([a-z]+): [^:;]+; (?:or )?([a-z]+)\b")
"""Such as `keep: the original's at each pixel; match: …`."""
LISTED = re.compile(r"[^:]*: ((?:[a-z0-9:]+, )+[a-z0-9:]+ or [a-z0-9:]+)\b")
"""Such as `Where to run: auto, cpu or cuda`."""


def fields(*models):
    """Each field of each model: its name, and its schema as a program that only has the JSON reads it."""
    for model in models:
        schema = json.loads(json.dumps(model.model_json_schema()))
        for name, field in schema["properties"].items():
            if "const" not in field:  # nobody chooses it
                yield pytest.param(name, field, id=f"{model.__name__}.{name}")


def widget(field):
    """What a plain form shows for a field, or None if it cannot show any."""
    kinds = field.get("type", [])
    kind = next((each for each in [kinds] if isinstance(each, str)), next(iter(kinds), None))
    if "enum" in field:
        return "choice"
    if kind == "boolean":
        return "switch"
    if kind in ("integer", "number"):
        low, high = ({"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"})
        return "number" if low & field.keys() and high & field.keys() else None
    if kind == "string":
        return "text" if {"examples", "pattern", "format"} & field.keys() else None
    if kind == "object":
        return "map"
    return "form" if "$ref" in field else None


@pytest.mark.parametrize(("name", "field"), list(fields(*MODELS, Aim, Penalties)))
def test_every_field_has_a_title_a_group_a_unit_and_a_level(name, field):
    assert field["title"] and field["title"][0].isupper()
    assert field["group"] in GROUPS
    assert field["unit"] in get_args(Unit)
    assert field["level"] in get_args(Level)


@pytest.mark.parametrize(("name", "field"), list(fields(*MODELS)))
def test_every_field_can_be_shown_in_a_plain_form(name, field):
    assert widget(field)
    assert "anyOf" not in field
    assert ("null" in field.get("type", ())) == ("default" in field and field["default"] is None)


@pytest.mark.parametrize(("name", "field"), list(fields(*MODELS, Aim, Penalties)))
def test_no_choice_is_in_prose_only(name, field):
    named = [word for found in ALTERNATIVES.findall(field["description"]) for word in found]
    if found := LISTED.match(field["description"]):
        named += re.split(", | or ", found[1])
    offered = [*field.get("enum", ()), *field.get("examples", ())]
    assert set(named) <= set(offered), (named, offered)


def test_the_check_for_prose_finds_choices():
    assert ALTERNATIVES.findall("Colors: free; keep: the original's; match: its mean.") == [("keep", "match")]
    assert LISTED.match("Where to run: auto, cpu, cuda:1 or xpu.")[1] == "auto, cpu, cuda:1 or xpu"


@pytest.mark.parametrize("model", MODELS)
def test_choices_are_enumerations(model):
    schema = model.model_json_schema()["properties"]
    for name in (
        "param",
        "optimizer",
        "carry",
        "color",
        "normalize",
        "wrap",
        "precision",
        "spacing",
        "strength",
    ):
        field = schema.get(name) or Recipe.model_json_schema()["properties"][name]
        assert field["default"] in field["enum"], name
    for name in {"codec"} & schema.keys():
        assert schema[name]["enum"] == ["h264", "hevc", "vp9", "av1", "ffv1", None]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("canvas", ["600x800", " 6 × 8 "], ["600", "x0.5", "600x800x3"]),
        ("initial_size", ["600x800", "x0.5", "× 2"], ["0.5", "600"]),
        ("windows", ["none", "input", "224x224"], ["all", "224"]),
        ("max_memory", ["2GB", "800 MB", "1.5GiB", "1000"], ["much", "GB"]),
    ],
)
def test_patterns_take_what_the_recipe_takes(name, good, bad):
    pattern = Recipe.model_json_schema()["properties"][name]["pattern"]
    for text in good:
        assert re.search(pattern, text)
        assert Recipe(**{name: text})
    for text in bad:
        assert not re.search(pattern, text)


@pytest.mark.parametrize(("name", "field"), list(fields(*MODELS)))
def test_examples_and_defaults_are_as_the_pattern_says(name, field):
    texts = [*field.get("examples", ()), field.get("default")]
    for text in texts if "pattern" in field else ():
        assert text is None or re.search(field["pattern"], text)
