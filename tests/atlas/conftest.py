import pytest
import torch
from torch.nn import functional as F

from batcountry.models import Layer, Model


class Five:
    """`a/b`: five channels of other mixtures of the colors; `a b`: the same after a ReLU; `end`: their means."""

    def run(self, x, layers):
        weight = torch.arange(15.0).reshape(5, 3, 1, 1) / 15 - 0.4
        found = {"a/b": F.conv2d(x, weight.to(x.dtype))}
        found["a b"] = F.relu(found["a/b"])
        found["end"] = found["a b"].mean((2, 3))
        return {name: found[name] for name in layers}

    def to(self, device):
        return self


@pytest.fixture
def model():
    layers = [Layer("a/b", 5, 1, 1, 0, 1), Layer("a b", 5, 1, 1, 0, 1), Layer("end", 5, None, None)]
    return Model(
        "five",
        Five(),
        layers=layers,
        mean=(124.0, 116.0, 104.0),
        weights_sha256="0" * 64,
        default_layer="a b",
        classes=["cat", "</script><b>", 'a "dog"', "four", "five"],
    )
