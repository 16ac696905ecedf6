"""What the tests share: small nets that can be worked out on paper, and the real one where it is."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

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


def pytest_collection_modifyitems(items):
    """Skip what needs a card where there is none."""
    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("cuda"):
            item.add_marker(pytest.mark.skip(reason="needs a CUDA card, and there is none here"))


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


WEIGHTS = ((0.5, 0.25, 0.125), (-0.25, 0.125, 0.75))
"""Of `TwoChannels`: what each of its channels takes of red, green and blue."""

BIASES = (1.0, -2.0)
"""Of `TwoChannels`: what is added to each of its channels."""

MEAN = (4.0, 2.0, -1.0)
"""Of `TwoChannels`: what is taken off red, green and blue first."""


def two_sums(image: Any) -> np.ndarray:
    """What the layer `sum` of the net on paper is for (…, 3, H, W) in grey levels, worked out without PyTorch: (…, 2, H, W)."""
    planes = np.asarray(image, np.float64) - np.reshape(MEAN, (3, 1, 1))
    return np.einsum("kc,...chw->...khw", WEIGHTS, planes) + np.reshape(BIASES, (2, 1, 1))


class TwoChannels:
    """`sum`: two channels, each with `WEIGHTS` and `BIASES` of its own; `mean`: a mean over 3×3 of them with stride 2."""

    def __init__(self) -> None:
        self.weight = torch.tensor(WEIGHTS)[..., None, None]
        self.bias = torch.tensor(BIASES)

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
        mean=MEAN,
        weights_sha256="0" * 64,
        default_layer="sum",
    )


@pytest.fixture
def photo() -> np.ndarray:
    """Noise with structure, 37×53 RGB uint8: unequal primes and channels that differ, so that a swapped axis shows."""
    random = np.random.RandomState(3)
    smooth = np.add.outer(np.linspace(0, 120, 37), np.linspace(0, 80, 53))[..., None]
    return np.uint8(
        np.clip(smooth * (1.0, 0.8, 0.5) + (0, 9, 40) + random.randint(0, 56, (37, 53, 3)), 0, 255)
    )
