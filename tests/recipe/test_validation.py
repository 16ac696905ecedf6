"""Values that are made of options, and what is said of wrong ones."""

from typing import Annotated

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from batcountry.dreams.cnn_vis_options import Penalties
from batcountry.errors import RecipeError
from batcountry.motion.recipes import ZoomRecipe
from batcountry.recipe import Note, Recipe
from batcountry.recipe.fields import STEP
from batcountry.recipe.validation import Options, is_of_film, json_object, noted


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Recipe(iteration=3), "there is no option 'iteration'; did you mean 'iterations'"),
        (lambda: Recipe(octaves=0), "octaves cannot be 0: input should be greater than or equal to 1"),
        (lambda: Recipe(precision="wild"), "precision cannot be 'wild'"),
        (lambda: Recipe(canvas="wide"), "canvas cannot be 'wide': give height and width"),
        (lambda: Recipe(initial_size="half"), "initial_size cannot be 'half'"),
        (lambda: Recipe(windows="none at all"), "windows cannot be"),
        (lambda: Recipe(max_memory="0"), "max_memory cannot be '0'"),
        (lambda: Recipe(xyzzyqwjk=1), "the options are model, "),
        (lambda: Recipe().with_options(seeds=1), "did you mean 'seed'"),
        (lambda: ZoomRecipe(zom=2), "did you mean 'zoom'"),
        (lambda: ZoomRecipe.of({"iteration": 2}), "did you mean 'iterations'"),
        (lambda: Penalties(tv=-1), "tv cannot be -1"),
    ],
)
def test_a_wrong_option_is_our_own_error(make, said):
    with pytest.raises(RecipeError) as caught:
        make()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value) and caught.value.__cause__ is None


def test_pydantics_own_ways_in_raise_its_own_error():
    class Job(BaseModel):
        recipe: Recipe

    for make in (
        lambda: Recipe.model_validate({"octaves": 0}),
        lambda: Recipe.model_validate_json('{"octaves": 0}'),
        lambda: TypeAdapter(Recipe | None).validate_python({"octaves": 0}),
        lambda: Job(recipe={"octaves": 0}),
    ):
        with pytest.raises(ValidationError, match="octaves"):
            make()
    assert Recipe.model_validate({"octaves": 2}) == Recipe(octaves=2)


def test_a_damaged_note_says_whose_it_is():
    with pytest.raises(RecipeError, match=r"the picture's note is damaged: recipe\.octaves cannot be 0"):
        Note.read(
            '{"version": "1", "input": null, "input_sha256": "", "weights_sha256": "", "recipe": {"octaves": 0}}'
        )


class Few(Options):
    """A few options."""

    count: Annotated[int, STEP("How many.", ge=1, le=9)] = 3
    name: Annotated[str, STEP("What it is called.")] = "one"


def test_json_is_read_back_as_the_same_value():
    assert Few.read(Few(count=5, name="two").model_dump_json()) == Few(count=5, name="two")
    assert Few.read("{}") == Few()
    assert Few.option_names() == ["count", "name"]


@pytest.mark.parametrize("text", ["", "nothing", "{", "[" * 100_000, '{"count": }', "\ud800"])
def test_text_that_is_no_json_is_refused(text):
    with pytest.raises(RecipeError, match=r"^the recipe is not JSON$"):
        Few.read(text)


@pytest.mark.parametrize("text", ["[]", "3", "null", '"count"'])
def test_json_that_is_no_object_is_refused(text):
    with pytest.raises(RecipeError, match=r"^the recipe is not a JSON object$"):
        Few.read(text)
    with pytest.raises(RecipeError, match=r"^the film's note is not a JSON object$"):
        json_object(text, "film's note")


def test_with_options_is_another_value_checked_like_new():
    few = Few(count=5)
    assert few.with_options(name="two") == Few(count=5, name="two")
    assert few == Few(count=5)
    with pytest.raises(RecipeError, match="count cannot be 10"):
        few.with_options(count=10)


def test_a_value_cannot_be_changed():
    with pytest.raises(ValidationError):
        Few().count = 4


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cuont": 3}, "there is no option 'cuont'; did you mean 'count'?"),
        ({"zzz": 3}, "there is no option 'zzz'; the options are count, name"),
        ({"count": "many"}, "count cannot be 'many': input should be a valid integer, unable to parse"),
        ({"count": 0, "name": 3}, "count cannot be 0: input should be greater than or equal to 1"),
        ({"name": 3}, "name cannot be 3: input should be a valid string"),
    ],
)
def test_what_was_wrong_first_is_said_in_one_sentence(options, said):
    with pytest.raises(RecipeError) as caught:
        Few(**options)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_none_are_refused_where_no_range_does_it(number):
    class Free(Options):
        """One number."""

        number: Annotated[float, STEP("Any.")] = 0.0

    with pytest.raises(RecipeError, match="number cannot be"):
        Free(number=number)


def test_a_class_of_options_lists_them_in_its_docstring_and_not_in_its_schema():
    assert "count : int, 1 to 9, default 3" in Few.__doc__
    assert Few.model_json_schema()["description"] == "A few options."


def test_a_note_that_is_none_says_so():
    for text, said in (("", "the note is not JSON"), ("[]", "the note is not a JSON object")):
        with pytest.raises(RecipeError, match=said):
            Note.read(text)
    with pytest.raises(RecipeError, match="the film's note is damaged: version cannot be"):
        noted(Note, '{"version": 3}', "film")


@pytest.mark.parametrize(
    ("note", "film"),
    [
        ('{"recipe": {"kind": "zoom"}}', True),
        ('{"recipe": {}}', False),
        ('{"recipe": ["kind"]}', False),
        ("{}", False),
    ],
)
def test_a_films_note_has_a_kind_in_its_recipe(note, film):
    assert is_of_film(note) == film


def test_a_films_note_that_is_none_is_called_the_pictures():
    with pytest.raises(RecipeError, match=r"^the picture's note is not JSON$"):
        is_of_film("{")


def test_what_the_program_chose_is_another_value_that_is_not_checked():
    few = Few(name="two")
    assert (few.chosen(count=10).count, few.chosen(count=10).name) == (10, "two")
    assert few.chosen() is few and few.count == 3
