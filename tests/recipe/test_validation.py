"""Values that are made of options, and what is said of wrong ones."""

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from batcountry.dreams.cnn_vis_options import Penalties
from batcountry.errors import RecipeError
from batcountry.motion.recipes import ZoomRecipe
from batcountry.recipe import Note, Recipe


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
