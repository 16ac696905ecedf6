import pytest
import torch

from batcountry.errors import RecipeError
from batcountry.objectives import START, channel, each, for_picture, function, layer, parse, pictures_of
from batcountry.objectives.batches import of_one


def activations():
    return {
        "sum": torch.arange(2 * 2 * 3 * 5, dtype=torch.float64).reshape(2, 2, 3, 5),
        START: torch.ones(1, 3, 3, 5),
    }


def test_each_picture_has_its_own_objective(two_channels):
    values = activations()
    aim = each([2 * channel("sum", 1), layer("sum") - channel("sum", 0)])
    wanted = 2 * values["sum"][0, 1].mean() + values["sum"][1].square().mean() - values["sum"][1, 0].mean()
    assert torch.isclose(aim.bind(two_channels)(values), wanted)
    assert pictures_of(aim) == 2
    assert pictures_of(layer("sum")) == 1


def test_the_text_is_read_back():
    aim = each([channel("sum", 1) + 0.5 * layer("sum"), layer("sum")])
    assert parse(str(aim)) == aim
    assert parse('each([channel("sum", 1), layer("sum")])') == each([channel("sum", 1), layer("sum")])


def test_gradients_of_a_batch_are_those_of_each_picture_alone(two_channels):
    aims = [channel("sum", 1), layer("sum")]
    image = (torch.rand(2, 3, 7, 11) * 255).requires_grad_()
    score = each(aims).bind(two_channels)(two_channels.activations(image, ["sum"]))
    (together,) = torch.autograd.grad(score, image)
    for index, aim in enumerate(aims):
        one = image[index : index + 1].detach().requires_grad_()
        (alone,) = torch.autograd.grad(aim.bind(two_channels)(two_channels.activations(one, ["sum"])), one)
        assert torch.allclose(together[index : index + 1], alone)


def test_functions_score_a_picture_each(two_channels):
    def squares(seen):
        return seen["sum"].square().mean()

    values = activations()
    aim = each([channel("sum", 0), 3 * function(squares)]).resolved(two_channels)
    assert aim.layers == ("sum",)
    wanted = values["sum"][0, 0].mean() + 3 * values["sum"][1].square().mean()
    assert torch.isclose(aim.bind(two_channels)(values), wanted)


def test_what_all_pictures_share_is_each_ones_and_what_each_has_is_its_own():
    shared, starts, layers = torch.ones(1, 3, 3, 5), torch.rand(2, 3, 3, 5), torch.rand(2, 2, 3, 5)
    found = of_one({"@mask": shared, START: starts, "sum": layers}, 1)
    assert found.keys() == {"@mask", START, "sum"}
    assert torch.equal(found["@mask"], shared)
    assert torch.equal(found[START], starts[1:]) and torch.equal(found["sum"], layers[1:])
    with pytest.raises(RecipeError, match="no picture 1; there are 1, counted from 0"):
        of_one({"sum": layers[:1]}, 1)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: each([]), "at least one"),
        (lambda _: for_picture(-1, layer("sum")), "counted from 0"),
        (lambda _: for_picture(0, for_picture(1, layer("sum"))), "no other such"),
        (lambda model: for_picture(2, layer("sum")).bind(model)(activations()), "no picture 2; there are 2"),
    ],
)
def test_what_cannot_be_is_refused(two_channels, make, said):
    with pytest.raises(RecipeError, match=said):
        make(two_channels)
