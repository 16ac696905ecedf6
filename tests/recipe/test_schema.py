import pytest
from hypothesis import given
from hypothesis import strategies as st

from batcountry.errors import RecipeError
from batcountry.recipe import Note, Recipe

recipes = st.builds(
    Recipe,
    model=st.text(max_size=20),
    layer=st.none() | st.text(max_size=20),
    octaves=st.integers(1, 64),
    octave_scale=st.floats(1.01, 16),
    iterations=st.integers(1, 1000),
    step_size=st.floats(0.001, 255),
    jitter=st.integers(0, 4096),
    seed=st.integers(0, 2**32 - 1),
    clip=st.booleans(),
    size=st.none() | st.integers(8, 65536),
)


@given(recipes)
def test_a_recipe_survives_its_json(recipe):
    assert Recipe.read(recipe.model_dump_json()) == recipe


@given(st.text(max_size=60))
def test_any_other_text_is_refused_with_a_reason(text):
    for kind in (Recipe, Note):
        try:
            kind.read(text)
        except RecipeError as error:
            assert str(error)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"octaves": 0}, "octaves cannot be 0"),
        ({"octave_scale": 1.0}, "octave_scale cannot be 1.0"),
        ({"step_size": float("nan")}, "step_size"),
        ({"iteration": 3}, "no option 'iteration'"),
        ({"seed": -1}, "seed cannot be -1"),
    ],
)
def test_an_option_out_of_its_range_is_named(options, said):
    with pytest.raises(RecipeError, match=said):
        Recipe.of(options)


def test_a_recipe_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="frozen"):
        Recipe().seed = 3


def test_a_picture_from_before_looks_could_be_chosen_has_the_look_of_its_time():
    old = '{"version": "1", "recipe": {"layer": "stem"}, "input": null, "input_sha256": "", "weights_sha256": ""}'
    recipe = Note.read(old).recipe
    assert (recipe.param, recipe.normalize, recipe.octaves) == ("pixels", "mean", 4)
    assert recipe.stride == 0 and recipe.with_options(step_size=1.5).stride == 1.5


@pytest.mark.parametrize(("strength", "stride"), [("gentle", 1.5), ("normal", 3.0), ("wild", 4.5)])
def test_strength_multiplies_the_step(strength, stride):
    assert Recipe(step_size=3.0, strength=strength).stride == stride
