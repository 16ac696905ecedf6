import pytest
import torch
from torch import nn

from batcountry.errors import ModelError
from batcountry.models.inspect import tracing


def entered(x):
    return x


class Picky(nn.Module):
    """A network that says in its own way which pictures it takes."""

    def forward(self, x):
        if x.shape[-1] != 19:
            raise TypeError("19 pixels, please")
        return x.sin()


def test_what_a_network_says_is_said():
    with pytest.raises(ModelError, match=r"does not run on a picture of 23×17 pixels \(19 pixels, please\)"):
        tracing.trace(Picky(), (17, 23), entered, 3)
    assert tracing.trace(Picky(), (17, 19), entered, 3).multiples == {"output": 0}


def test_a_bug_of_ours_comes_through(monkeypatch):
    monkeypatch.setattr(tracing, "_Call", None)
    with pytest.raises(TypeError, match="NoneType"):
        tracing.trace(nn.Conv2d(3, 4, 3), (17, 23), entered, 3)


def test_a_bug_in_what_enters_comes_through():
    def broken(x):
        return torch.zeros(1, 3, "17", 23)

    with pytest.raises(TypeError):
        tracing.trace(nn.Conv2d(3, 4, 3), (17, 23), broken, 3)
