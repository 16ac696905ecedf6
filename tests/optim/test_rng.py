"""The state of random numbers as tensors."""

import numpy as np
import pytest
import torch

from batcountry.errors import RecipeError
from batcountry.optim.rng import load_rng, rng_state


def test_an_rng_goes_on_where_another_one_was():
    first, second = np.random.RandomState(3), np.random.RandomState(4)
    first.randint(0, 9, 700)
    first.normal()  # of which a second number is kept
    load_rng(second, rng_state(first))
    assert first.normal() == second.normal()
    assert np.array_equal(first.randint(0, 1 << 30, 9), second.randint(0, 1 << 30, 9))
    assert first.normal() == second.normal()


def test_an_rng_of_another_kind_cannot_be_stored():
    with pytest.raises(RecipeError, match="the state of Generator cannot be stored"):
        rng_state(np.random.default_rng(0))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("rng.key", lambda each: each[:9]),
        ("rng.place", lambda each: each + 10_000),
        ("rng.place", lambda each: each - 10_000),
    ],
)
def test_what_is_no_state_is_refused(name, change):
    state = rng_state(np.random.RandomState(3))
    with pytest.raises(ValueError, match="no state of random numbers"):
        load_rng(np.random.RandomState(3), {**state, name: change(state[name])})


@pytest.mark.parametrize("place", [0, 1, 623, 624])
def test_every_place_among_the_words_can_be_gone_on_from(place):
    key = np.random.RandomState(3).get_state()[1]
    first, second = np.random.RandomState(), np.random.RandomState(4)
    first.set_state(("MT19937", key, place, 0, 0.0))
    load_rng(second, rng_state(first))
    assert np.array_equal(first.randint(0, 1 << 30, 700), second.randint(0, 1 << 30, 700))


def test_the_words_are_stored_as_whole_numbers():
    assert rng_state(np.random.RandomState(3))["rng.key"].dtype is torch.int64
