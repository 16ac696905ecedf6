"""Modules that do what modules seldom do: they dream, or one sentence says why not."""

import contextlib
from collections import namedtuple
from dataclasses import dataclass

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from batcountry import dream
from batcountry.errors import ModelError
from batcountry.models import open_model

SIDE = 24


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.more()

    def more(self):
        pass

    def forward(self, x):
        return self.after(self.conv(x))

    def after(self, y):
        return y


def made(name, base=Base, **methods):
    return type(name, (base,), methods)


@dataclass
class Answer:
    logits: torch.Tensor
    count: int = 3


Pair = namedtuple("Pair", "one other")


def script(self):
    self.part = torch.jit.script(nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8)))


def meta(self):
    self.conv = nn.Conv2d(3, 8, 3, device="meta")


def raises(error):
    def run(self, *_, **__):
        raise error

    return run


def compiled():
    return torch.compile(Base(), backend="eager")


def dotted(self):
    self._modules["a.b"] = nn.Conv2d(8, 8, 1)


DREAM = {
    "a parameter of five axes": made(
        "Five", more=lambda self: setattr(self, "p", nn.Parameter(torch.rand(2, 2, 2, 2, 2)))
    ),
    "a convolution in three": made(
        "Three",
        more=lambda self: setattr(self, "deep", nn.Conv3d(1, 2, 3, padding=1)),
        after=lambda self, y: self.deep(y[:, None])[:, 0],
    ),
    "half precision": made("Half", more=lambda self: self.half() and None),
    "double precision": made("Double", more=lambda self: self.double() and None),
    "casts": made("Casts", after=lambda self, y: y.double().mul(2).half().float()),
    "complex weights": made(
        "Complex",
        more=lambda self: setattr(self, "p", nn.Parameter(torch.rand(8, 1, 1, dtype=torch.complex64))),
        after=lambda self, y: (y * self.p).abs(),
    ),
    "a mapping": made("Mapped", after=lambda self, y: {"out": y * 2, "more": y}),
    "a dataclass": made("Data", after=lambda self, y: Answer(y * 2)),
    "a named tuple": made("Named", after=lambda self, y: Pair(y * 2, y)),
    "no tensor": made("Text", after=lambda self, y: "done"),
    "weights of a state that is no tensor": made("State", get_extra_state=lambda self: {"a": [1]}),
    "a sparse buffer": made("Sparse", more=lambda self: self.register_buffer("s", torch.eye(4).to_sparse())),
    "an old weight norm": made("Norm", more=lambda self: nn.utils.weight_norm(self.conv) and None),
    "a spectral norm": made(
        "Spectral", more=lambda self: nn.utils.parametrizations.spectral_norm(self.conv) and None
    ),
    "a result of before": made(
        "Kept", more=lambda self: setattr(self, "last", [self.conv(torch.rand(1, 3, 8, 8))])
    ),
    "a script within": made("Scripted", more=script, after=lambda self, y: self.part(y)),
    "compiled": compiled,
    "a name with a dot": made("Dotted", more=dotted, after=lambda self, y: self._modules["a.b"](y)),
    "writing over its input": made("Over", forward=lambda self, x: self.conv(x.mul_(2))),
    "a checkpoint of old": made(
        "Checkpoint",
        forward=lambda self, x: torch.utils.checkpoint.checkpoint(self.conv, x, use_reentrant=True),
    ),
    "training that cannot be ended": made("Trains", eval=lambda self: self),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("way", DREAM)
def test_they_dream(way):
    module = DREAM[way]()
    training = [part.training for part in module.modules()]
    model = open_model(module, size=SIDE)
    image = (torch.rand(1, 3, SIDE, SIDE) * 255).requires_grad_()
    layer = model.layers[-1].name
    model.activations(image, [layer])[layer].square().mean().backward()
    assert float(image.grad.abs().max()) > 0
    assert [part.training for part in module.modules()] == training


SAID = {
    "weights without numbers": (
        made("Meta", more=meta),
        "weights without numbers .conv.weight is on the device meta",
    ),
    "weights not made yet": (
        lambda: nn.Sequential(nn.LazyConv2d(8, 3)),
        "not made yet .*run it once on a picture",
    ),
    "no copy": (
        made("Lock", more=lambda self: setattr(self, "g", (i for i in range(3)))),
        "cannot be copied",
    ),
    "no evaluation": (made("Eval", eval=raises(ValueError("no eval"))), r"evaluation mode \(no eval\)"),
    "no weights to be listed": (
        made("Listed", state_dict=raises(RuntimeError("none"))),
        "RuntimeError: none",
    ),
    "itself as a part": (
        made("Round", more=lambda self: setattr(self, "me", self)),
        "cannot be copied and put",
    ),
    "an end of the program": (made("Ends", forward=raises(SystemExit(3))), r"calls exit\(3\)"),
    "an error of several lines": (made("Lines", forward=raises(RuntimeError("one\ntwo"))), r"pixels \(one\)"),
    "an error without words": (made("Mute", forward=raises(AssertionError())), "AssertionError"),
    "two pictures": (made("Two", forward=lambda self, x, y: self.conv(x) + y), "does not run on a picture"),
    "no gradient": (
        made("NoGrad", forward=torch.no_grad()(lambda self, x: self.conv(x))),
        "does not depend on the picture smoothly",
    ),
    "a picture cut off": (
        made("Detached", forward=lambda self, x: self.conv(x.detach())),
        "does not depend on the picture smoothly",
    ),
    "an attribute that raises": (
        made("Raises", pretrained_cfg=property(raises(ValueError("no")))),
        "cannot be opened .ValueError: no",
    ),
    "no network": (lambda: nn.ModuleList([nn.Conv2d(3, 4, 3)]), 'missing the required "forward"'),
}


@pytest.mark.parametrize("way", SAID)
def test_one_sentence_says_why_not(way):
    make, said = SAID[way]
    with pytest.raises(ModelError, match=said) as caught:
        open_model(make(), size=SIDE)
    assert "\n" not in str(caught.value)


def test_what_is_printed_at_the_side_does_no_harm(capsys):
    noisy = made("Noisy", after=lambda self, y: print("hello") or y)
    with contextlib.redirect_stdout(None):
        assert open_model(noisy(), size=SIDE).layers[0].name == "conv"


def test_what_torch_compile_made_has_the_layers_of_its_module():
    assert [each.name for each in open_model(compiled(), size=SIDE).layers] == ["conv"]


@pytest.mark.filterwarnings("ignore")
def test_layers_within_a_script_are_heard():
    model = open_model(made("Scripted", more=script, after=lambda self, y: F.relu(self.part(y)))(), size=SIDE)
    assert {"conv", "part.0", "part.1"} <= {each.name for each in model.layers}


def test_a_network_that_spoils_its_own_gradient_is_told_in_a_sentence(photo):
    class Spoils(Base):
        def after(self, y):
            return self.conv2(y.relu_().mul_(2))

        def more(self):
            self.conv2 = nn.Conv2d(8, 8, 3)

    model = open_model(Spoils())
    with pytest.raises(ModelError, match="writes over numbers that the gradient needs") as caught:
        dream(photo, model=model, layer="conv2", octaves=1, iterations=1)
    assert "\n" not in str(caught.value)


def test_a_part_that_gives_a_single_number_is_no_layer_and_the_others_dream():
    def more(self):
        self.loss = nn.MSELoss()

    model = open_model(made("Lossy", more=more, after=lambda self, y: (y, self.loss(y, y * 0)))(), size=SIDE)
    assert [layer.name for layer in model.layers] == ["conv", "output"]
    assert "a single number" in model.refused["loss"]
