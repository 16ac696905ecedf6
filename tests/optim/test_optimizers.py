"""Each optimizer's rule, against NumPy written from the formula."""

import numpy as np
import pytest
import torch

from batcountry.errors import RecipeError
from batcountry.optim.bands import normalize_bands
from batcountry.optim.optimizers import Schedule, measures, optimizer

slopes = [np.random.RandomState(i).normal(size=(2, 3, 5, 7)).astype(np.float32) for i in range(4)]


def walked(make):
    tensor = torch.zeros(2, 3, 5, 7)
    moves = make([tensor])
    for each in slopes:
        moves.update([torch.from_numpy(each)])
    return tensor.numpy()


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("mean", lambda g: np.abs(g).mean()),
        ("std", lambda g: g.std()),
        ("rms", lambda g: np.sqrt((g**2).mean())),
        ("none", lambda g: 1.0),
    ],
)
def test_ascent_divides_each_pictures_gradient_by_its_size(name, size):
    wanted = sum(np.stack([1.5 * one / size(one) for one in each]) for each in slopes)
    found = walked(optimizer("ascent", Schedule(1.5), name))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_rmsprop_is_pytorchs_rule():
    cache, wanted = np.zeros((2, 3, 5, 7)), np.zeros((2, 3, 5, 7))
    for each in slopes:
        cache = 0.95 * cache + 0.05 * each**2
        wanted += 0.7 * each / (np.sqrt(cache) + 1e-8)
    np.testing.assert_allclose(walked(optimizer("rmsprop", Schedule(0.7))), wanted, rtol=1e-4)


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-5])
@pytest.mark.parametrize("places", [1, 196])
def test_the_rmsprop_of_cnn_vis_has_its_least_square_under_the_root(size, places):
    cache, expected = np.zeros((2, 3, 5, 7)), np.zeros((2, 3, 5, 7))
    tensor = torch.zeros(2, 3, 5, 7)
    moves = optimizer("rmsprop-cnn-vis", Schedule(0.7, 0.5, 2), smoothing=0.8, places=places)([tensor])
    for step, slope in enumerate(slopes):
        of_sum = np.float64(slope) * size * places
        cache = 0.8 * cache + 0.2 * of_sum**2
        expected += 0.7 * 0.5 ** (step // 2) * of_sum / np.sqrt(cache + 1e-8)
        moves.update([torch.from_numpy(slope * np.float32(size))])
    np.testing.assert_allclose(tensor.numpy(), expected, rtol=1e-4, atol=1e-6)


def test_a_tiny_gradient_is_a_tiny_step_in_cnn_vis_and_a_long_one_in_pytorch():
    moved = {}
    for name in ("rmsprop", "rmsprop-cnn-vis"):
        tensor = torch.zeros(1, 1)
        optimizer(name, Schedule(1.0))([tensor]).update([torch.full((1, 1), 1e-5)])
        moved[name] = float(tensor)
    assert moved == pytest.approx({"rmsprop": 4.45, "rmsprop-cnn-vis": 0.09997}, rel=1e-3)


def test_the_rmsprop_of_cnn_vis_goes_on_from_its_state():
    tensors = [torch.zeros(1, 3), torch.ones(1, 2, 2)]
    made = optimizer("rmsprop-cnn-vis", Schedule(2.0, 0.5, 1))
    first = made(tensors)
    gradients = [torch.full((1, 3), 1e-4), torch.full((1, 2, 2), -2e-5)]
    first.update(gradients)
    again = [tensor.clone() for tensor in tensors]
    second = made(again)
    second.load({key: value.clone() for key, value in first.state().items()})
    first.update(gradients)
    second.update(gradients)
    for ours, theirs in zip(tensors, again, strict=True):
        assert torch.equal(ours, theirs)
    with pytest.raises(KeyError):
        second.load({"steps": torch.tensor(1)})
    with pytest.raises(RuntimeError):
        made([torch.zeros(7)]).load(first.state())


def test_adam_is_kingma_and_bas_rule():
    m = v = wanted = np.zeros((2, 3, 5, 7))
    for t, g in enumerate(slopes, 1):
        m, v = 0.8 * m + 0.2 * g, 0.999 * v + 0.001 * g**2
        wanted = wanted + 0.3 * (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    found = walked(optimizer("adam", Schedule(0.3), smoothing=0.8))
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_the_step_size_decays_every_so_many_steps():
    schedule = Schedule(2.0, 0.5, 3)
    assert [schedule.at(step) for step in range(7)] == [2, 2, 2, 1, 1, 1, 0.5]
    assert Schedule(2.0, 0.5).at(100) == 2


def test_no_gradient_is_no_step():
    tensor = torch.ones(1, 3, 5, 7)
    optimizer("ascent", Schedule(1.0))([tensor]).update([torch.zeros(1, 3, 5, 7)])
    assert torch.equal(tensor, torch.ones(1, 3, 5, 7))
    assert set(measures) == {"mean", "std", "rms", "none"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"name": "sgd"}, "there are ascent, adam, rmsprop"),
        ({"name": "adam", "measure": "std"}, "leave normalize out"),
        ({"name": "rmsprop-cnn-vis", "measure": "std"}, "rmsprop-cnn-vis normalizes in its own way"),
        ({"name": "ascent", "smoothing": 0.5}, "leave smoothing out"),
    ],
)
def test_what_cannot_be_is_refused(settings, said):
    with pytest.raises(RecipeError, match=said):
        optimizer(settings.pop("name"), Schedule(1.0), **settings)


@pytest.mark.parametrize("wrap", [(False, False), (True, False), (False, True)])
def test_bands_are_normalized_and_their_steps_decay(wrap):
    first, second = (torch.zeros(2, 3, 37, 53) for _ in range(2))
    moves = optimizer("ascent", Schedule(2.0, 0.5, 1), "bands", wrap=wrap)([first, second])
    gradients = torch.from_numpy(np.random.RandomState(0).normal(size=(2, 2, 3, 37, 53)).astype(np.float32))
    for _ in range(3):
        moves.update(list(gradients))
    for tensor, gradient in zip((first, second), gradients, strict=True):
        torch.testing.assert_close(tensor, normalize_bands(gradient, wrap) * (2 + 1 + 0.5))


@pytest.mark.parametrize("name", ["ascent", "adam", "rmsprop", "rmsprop-cnn-vis"])
def test_steps_of_all_optimizers_decay_and_move_every_tensor_along_its_own_gradient(name):
    """Along a gradient that stays each step is as long as its size says, but for RMSProp's first ones."""
    tensors = [torch.zeros(1, 2, 3), torch.zeros(1, 5)]
    moves = optimizer(name, Schedule(2.0, 0.5, 2), smoothing=None if name == "ascent" else 0.0)(tensors)
    gradients = [torch.full((1, 2, 3), 4.0), torch.full((1, 5), -4.0)]
    for size in (2, 2, 1, 1, 0.5):
        before = [each.clone() for each in tensors]
        moves.update(gradients)
        for tensor, old, sign in zip(tensors, before, (1, -1), strict=True):
            torch.testing.assert_close(tensor - old, torch.full_like(tensor, sign * size), rtol=1e-3, atol=0)


@pytest.mark.parametrize("name", ["adam", "rmsprop"])
def test_gradients_do_not_stay_with_the_tensors(name):
    tensor = torch.zeros(1, 3, 5, 7)
    moves = optimizer(name, Schedule(1.0))([tensor])
    moves.update([torch.ones(1, 3, 5, 7)])
    assert tensor.grad is None


def test_rmsprop_takes_large_steps_where_gradients_are_small():
    """Its 1e-8 is beside the root, as PyTorch has it: a gradient of 1e-6 counts."""
    tensor = torch.zeros(1, 4)
    optimizer("rmsprop", Schedule(1.0), smoothing=0.0)([tensor]).update([torch.full((1, 4), 1e-6)])
    torch.testing.assert_close(tensor, torch.full((1, 4), 1 / 1.01))


def test_one_dead_picture_of_two_stays_and_the_other_goes_on():
    tensor = torch.zeros(2, 3)
    optimizer("ascent", Schedule(3.0))([tensor]).update([torch.tensor([[0.0, 0, 0], [1, -2, 3]])])
    assert torch.equal(tensor, torch.tensor([[0.0, 0, 0], [1.5, -3, 4.5]]))


@pytest.mark.parametrize("name", ["ascent", "bands", "adam"])
def test_as_many_gradients_as_tensors_are_needed(name):
    tensors = [torch.zeros(1, 3, 5, 7), torch.zeros(1, 3, 5, 7)]
    measure = {"measure": "bands"} if name == "bands" else {}
    moves = optimizer("adam" if name == "adam" else "ascent", Schedule(1.0), **measure)(tensors)
    for count in (1, 3):
        with pytest.raises(ValueError, match="zip"):
            moves.update([torch.ones(1, 3, 5, 7)] * count)
