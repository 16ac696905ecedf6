"""The state of random numbers as tensors, so that it can be stored."""

from __future__ import annotations

import numpy as np
import torch

from batcountry.errors import RecipeError
from batcountry.optim.optimizers import State
from batcountry.optim.transforms import Rng

_WORDS = 624  # of the Mersenne twister


def rng_state(rng: Rng) -> State:
    """Return where a `numpy.random.RandomState` is; raises `RecipeError` for any other rng."""
    if not isinstance(rng, np.random.RandomState):
        raise RecipeError(
            f"the state of {type(rng).__name__} cannot be stored; give a numpy.random.RandomState"
        )
    found = rng.get_state(legacy=False)
    assert isinstance(found, dict)
    return {
        "rng.key": torch.from_numpy(found["state"]["key"].astype(np.int64)),
        "rng.place": torch.tensor([found["state"]["pos"], found["has_gauss"]]),
        "rng.gauss": torch.tensor(found["gauss"], dtype=torch.float64),
    }


def load_rng(rng: Rng, state: State) -> None:
    """Bring a `numpy.random.RandomState` to where `rng_state` found one; raises `ValueError` or `KeyError` if it is none."""
    key = state["rng.key"].cpu().numpy()
    place, has_gauss = (int(each) for each in state["rng.place"])
    if key.shape != (_WORDS,) or not 0 <= place <= _WORDS:
        raise ValueError("no state of random numbers")
    assert isinstance(rng, np.random.RandomState)
    rng.set_state(("MT19937", key.astype(np.uint32), place, has_gauss, float(state["rng.gauss"])))
