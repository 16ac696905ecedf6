"""Dreams on a CUDA card: what they all need."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import torch

from batcountry.image.sky import sky

END = "inception_4c/output"


@pytest.fixture(params=["GoogLeNet", "default"])
def network(request):
    """Options of a dream: of GoogLeNet where it is, and of the default network."""
    if request.param == "default":
        return {"layer": "blocks.10"}
    return {"model": str(request.getfixturevalue("googlenet")), "layer": END}


@pytest.fixture(scope="session")
def picture():
    """A sky of unequal sides."""
    return np.uint8(sky(333, 250))


@pytest.fixture
def free_card():
    """Have nothing of earlier tests in the card's memory, and no limit on it after the test."""
    gc.collect()
    torch.cuda.empty_cache()
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)
    gc.collect()
    torch.cuda.empty_cache()
