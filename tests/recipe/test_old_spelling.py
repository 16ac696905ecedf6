import json

import pytest

from batcountry.errors import RecipeError
from batcountry.recipe import Note, Recipe

OLD = {
    "colour": "keep",
    "normalise": "rms",
    "objective": 'layer("stem") - 2*recolour("palette")',
    "start": "grey(90)",
    "channels": "grey",
}
NEW = {
    "color": "keep",
    "normalize": "rms",
    "objective": 'layer("stem") - 2*recolor("palette")',
    "start": "gray(90)",
    "channels": "gray",
}


def test_recipes_of_before_are_read_and_written_by_the_names_of_today():
    recipe = Recipe.read(json.dumps(OLD))
    assert recipe == Recipe(**NEW)
    assert not {"colour", "normalise"} & set(json.loads(recipe.model_dump_json()))


def test_options_by_old_names_win_over_a_recipes_own():
    assert Recipe(**NEW).with_options(colour="match").color == "match"


def test_notes_of_before_are_read():
    facts = {"version": "0", "input": None, "input_sha256": "a", "weights_sha256": "b"}
    note = Note.read(json.dumps({**facts, "recipe": OLD}))
    assert (note.recipe.color, note.recipe.normalize) == ("keep", "rms")


def test_an_option_by_both_its_names_is_refused():
    with pytest.raises(RecipeError, match="colour is the old name of color; leave it out"):
        Recipe(colour="keep", color="match")
