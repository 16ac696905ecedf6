"""Each optimizer's rule, against NumPy written from the formula."""

import numpy as np
import pytest
import torch

from batcountry.errors import RecipeError
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


def test_rmsprop_is_cnn_vis_rule():
    cache, wanted = np.zeros((2, 3, 5, 7)), np.zeros((2, 3, 5, 7))
    for each in slopes:
        cache = 0.95 * cache + 0.05 * each**2
        wanted += 0.7 * each / (np.sqrt(cache) + 1e-8)
    np.testing.assert_allclose(walked(optimizer("rmsprop", Schedule(0.7))), wanted, rtol=1e-4)


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
        ({"name": "ascent", "smoothing": 0.5}, "leave smoothing out"),
    ],
)
def test_what_cannot_be_is_refused(settings, said):
    with pytest.raises(RecipeError, match=said):
        optimizer(settings.pop("name"), Schedule(1.0), **settings)
