import numpy as np
import pytest

import batcountry
from batcountry.dreams.visualize import visualizing
from batcountry.errors import LayerNotFound, RecipeError
from batcountry.objectives import channel, layer
from batcountry.recipe import Note

small = {
    "canvas": "24x40",
    "iterations": 6,
    "transforms": "jitter(3)",
    "optimizer": "ascent",
    "step_size": 0.5,
}
aims = [channel("sum", 0), -1 * channel("sum", 1), layer("sum")]


def test_a_picture_of_a_batch_is_the_one_made_alone(two_channels):
    together = batcountry.visualize(aims, model=two_channels, batch=3, **small)
    in_parts = batcountry.visualize(aims, model=two_channels, batch=2, **small)
    for aim, one, other in zip(aims, together, in_parts, strict=True):
        recipe = Note.read(one.note).recipe
        assert recipe.objective == str(aim)
        alone = batcountry.dream(None, recipe, model=two_channels)
        np.testing.assert_allclose(one.pixels, alone.pixels, atol=0.05)
        np.testing.assert_allclose(one.pixels, other.pixels, atol=0.05)
    assert together[0].pixels.mean() > together[1].pixels.mean() + 5


def test_texts_are_objectives_too_and_moments_tell_how_far_it_is(two_channels):
    moments = list(visualizing(['channel("sum", 0)'] * 3, model=two_channels, batch=2, **small))
    assert len(moments) == 12
    done = [each.done for each in moments]
    assert done == sorted(done)
    assert done[-1] == 1
    assert [len(each.pictures()) for each in moments[5::6]] == [2, 1]


def test_nothing_is_begun_that_cannot_be(two_channels):
    with pytest.raises(RecipeError, match="at least one objective"):
        visualizing([], model=two_channels)
    with pytest.raises(RecipeError, match="in place of layer"):
        visualizing(aims, model=two_channels, layer="sum")
    with pytest.raises(LayerNotFound):
        visualizing([*aims, layer("summ")], model=two_channels, batch=3)
    with pytest.raises(RecipeError, match="no preset"):
        visualizing(aims, model=two_channels, preset="clss")


def test_a_network_of_one_size_sees_the_part_that_was_cut_out(two_channels):
    seen = []
    run = two_channels.network.run

    def strict(x, layers):
        seen.append(tuple(x.shape))
        if x.shape[-2:] != (20, 20):
            raise RuntimeError("20 × 20 only")
        return run(x, layers)

    two_channels.network.run = strict
    made = batcountry.visualize(
        aims, model=two_channels, canvas="24x40", iterations=2, transforms="pad(2), crop(20)"
    )
    assert made[0].size == (40, 24)
    assert (3, 3, 20, 20) in seen
    with pytest.raises(RecipeError, match="crop cuts 50×50"):
        batcountry.visualize(aims, model=two_channels, canvas="24x40", iterations=2, transforms="crop(50)")
