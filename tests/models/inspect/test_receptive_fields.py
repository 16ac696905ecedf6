import pytest
from torch import nn

from batcountry.models.inspect.receptive_fields import receptive_fields


class Odd(nn.Module):
    """A network whose code depends on what is in the picture, each in another way."""

    def __init__(self, way):
        super().__init__()
        self.way = way
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        if self.way == "branches" and x.mean() > 0:
            return self.conv(-x)
        if self.way == "counts":
            x = sum(x for _ in range(x.shape[0]))
        if self.way == "refuses" and not isinstance(x.mean().item(), float):
            raise KeyError("a picture, please")
        return self.conv(x)


def test_what_units_see_is_known_of_code_that_can_be_followed():
    fields = receptive_fields(nn.Sequential(nn.Conv2d(3, 4, 5, stride=2), nn.ReLU()))
    field = fields["0", 0]
    assert (field.stride, field.before, field.after) == (2, 0, 4)


@pytest.mark.parametrize("way", ["branches", "counts", "refuses"])
def test_nothing_is_known_of_code_that_cannot_be_followed(way):
    assert receptive_fields(Odd(way)) == {}


def test_a_bug_of_ours_comes_through(monkeypatch):
    monkeypatch.setattr("batcountry.models.inspect.receptive_fields._Tracer.path_of_module", None)
    with pytest.raises(TypeError, match="NoneType"):
        receptive_fields(nn.Sequential(nn.Conv2d(3, 4, 5)))
