"""What the tests share: small nets that can be worked out on paper, and the real one where it is."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

# Also of the processes that tests start. A test of a card asks for it by name; and on small pictures threads that wait
# for each other busily take twice the time where other programs run, too.
os.environ["BATCOUNTRY_DEVICE"] = "cpu"
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read when PyTorch is imported

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from batcountry.models import Layer, Model

ROOT = Path(__file__).parents[1]
REFERENCE = Path(__file__).parent / "reference"
MODELS = Path(os.environ.get("BATCOUNTRY_MODELS", ROOT.parent / "shared" / "models"))


@pytest.fixture(autouse=True)
def _no_child_is_left():
    """Fail a test that leaves a process behind, which would disturb those after it."""
    yield
    if hasattr(os, "waitid"):
        with pytest.raises(ChildProcessError):  # there is none to wait for
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)


@pytest.fixture
def registered():
    """Put a value into a registry by a name, until the test is over."""
    with ExitStack() as stack:

        def register(registry, name, value):
            registry.register(name, value)
            stack.callback(registry.unregister, name)

        yield register


@pytest.fixture(scope="session")
def googlenet() -> Path:
    """Folder of the BVLC GoogLeNet."""
    folder = MODELS / "bvlc_googlenet"
    if not folder.is_dir():
        pytest.skip(
            f"needs the BVLC GoogLeNet in {folder}; set BATCOUNTRY_MODELS to the folder that holds it"
        )
    return folder


@pytest.fixture(scope="session")
def caffe_numbers() -> Path:
    """Folder of the numbers that Caffe 1.0 gave for GoogLeNet."""
    folder = MODELS.parent / "reference" / "googlenet"
    if not folder.is_dir():
        pytest.skip(f"needs Caffe's numbers in {folder}")
    return folder


class TwoChannels:
    """`sum`: two channels, each `weight` times the sum of the colors plus `bias`, padded 3×3 mean after it in `mean`."""

    def __init__(self, weight: float = 0.25, bias: float = 1.0) -> None:
        self.weight = torch.full((2, 3, 1, 1), weight)
        self.bias = torch.full((2,), bias)

    def run(self, x, layers):
        found = {"sum": F.conv2d(x, self.weight.to(x.dtype), self.bias.to(x.dtype))}
        if "mean" in layers:
            found["mean"] = F.avg_pool2d(found["sum"], 3, 2)
        return {name: found[name] for name in layers}

    def to(self, device):
        return self


@pytest.fixture
def two_channels() -> Model:
    return Model(
        "two-channels",
        TwoChannels(),
        layers=[Layer("sum", 2, 1, 1, 0, 1), Layer("mean", 2, 2, 3, 0, 2)],
        mean=(0.0, 0.0, 0.0),
        weights_sha256="0" * 64,
        default_layer="sum",
    )


@pytest.fixture
def photo() -> np.ndarray:
    """Noise with structure, 37×53 RGB uint8: unequal primes, so that a swapped axis shows."""
    random = np.random.RandomState(3)
    smooth = np.add.outer(np.linspace(0, 120, 37), np.linspace(0, 80, 53))[..., None]
    return np.uint8(np.clip(smooth + random.randint(0, 56, (37, 53, 3)), 0, 255))
