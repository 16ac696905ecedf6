"""Gradients of networks of every kind, held against finite differences of the same network in float64."""

import copy
import logging
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from batcountry.models import open_model

SIDE = 16
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class FunctionalNorm(nn.BatchNorm2d):
    """As timm's, which calls the function."""

    def forward(self, x):
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.1, self.eps
        )


class Tokens(nn.Module):
    """Lays places out as tokens, as transformers do."""

    def __init__(self, channels):
        super().__init__()
        self.dense = nn.Linear(channels, channels)

    def forward(self, x):
        return self.dense(x.flatten(2).transpose(1, 2))


class Grouped(nn.Module):
    """Shuffles channels, which needs a new layout."""

    def forward(self, x):
        return F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2)


BETWEEN = (
    lambda c: nn.BatchNorm2d(c),
    lambda c: FunctionalNorm(c),
    lambda c: nn.InstanceNorm2d(c, affine=True),
    lambda c: nn.InstanceNorm2d(c, track_running_stats=True),
    lambda c: nn.GroupNorm(2, c),
    lambda c: nn.GELU(),
    lambda c: nn.SiLU(),
    lambda c: nn.Sequential(nn.Conv2d(c, c, 3, padding=1, groups=c), nn.BatchNorm2d(c), nn.Hardswish()),
    lambda c: nn.AvgPool2d(3, 1, 1),
    lambda c: nn.Sequential(nn.Upsample(scale_factor=2), nn.AvgPool2d(2)),
    lambda c: nn.ReflectionPad2d((1, 0, 1, 0)),
    lambda c: Grouped(),
)


WITHOUT_INSTANCES = (*BETWEEN[:2], *BETWEEN[4:])
"""What torch.onnx.export takes, whose instance norms have to know how many pictures there are."""


def drawn(seed, between=BETWEEN):
    """A network of parts drawn at random, which ends in tokens or in a picture."""
    random = np.random.RandomState(seed)
    torch.manual_seed(seed)
    channels = 8
    parts = [nn.Conv2d(3, channels, 3, 2, 1)]
    for _ in range(3):
        parts.append(between[random.randint(len(between))](channels))
    parts += [nn.Conv2d(channels, channels, 1), between[random.randint(4)](channels)]
    parts.append(Tokens(channels) if seed % 2 else nn.Conv2d(channels, 6, 1))
    net = nn.Sequential(*parts).eval()
    for part in net.modules():
        for name in ("running_var", "weight", "running_mean"):
            tensor = getattr(part, name, None)
            if tensor is not None and tensor.ndim == 1:
                nn.init.uniform_(tensor, 0.4, 1.6)
    return net


def quietly(make):
    logging.getLogger("torch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


def onnx_of(net, example, folder):
    pytest.importorskip("onnx")
    quietly(
        lambda: torch.onnx.export(net, (example,), str(folder / "net.onnx"), dynamo=False, opset_version=17)
    )
    return folder / "net.onnx"


class Held(nn.Module):
    """A network whose part is a script."""

    def __init__(self, net, example):
        super().__init__()
        self.part = quietly(lambda: torch.jit.trace(net, example))

    def forward(self, x):
        return self.part(x)


KINDS = {
    "module": lambda net, example, folder: net,
    "exported": lambda net, example, folder: quietly(lambda: torch.export.export(net, (example,))),
    "traced": lambda net, example, folder: quietly(lambda: torch.jit.trace(net, example)),
    "a script within": lambda net, example, folder: Held(net, example),
    "onnx": onnx_of,
}


def check(net, model):
    """Hold the slope along a direction that the gradient gives against the one that the network in float64 has."""
    random = torch.Generator().manual_seed(3)
    image = torch.rand(1, 3, SIDE, SIDE, generator=random) * 255
    direction = torch.randn(image.shape, generator=random, dtype=torch.float64)
    last = model.layers[-1].name
    leaf = image.clone().requires_grad_()
    activation = model.activations(leaf, [last])[last]
    pull = torch.randn(activation.shape, generator=random)
    ((activation.square() * pull).sum()).backward()
    wide = copy.deepcopy(net).double()
    shape = (-1, 1, 1)
    mean, std = (torch.tensor(each, dtype=torch.float64).view(shape) for each in (MEAN, STD))

    def score(step):
        with torch.no_grad():
            y = wide((image.double() + step * direction) / 255 / std - mean / std)
        y = y.transpose(1, 2).reshape(pull.shape) if y.ndim == 3 else y
        return float((y.square() * pull).sum())

    slope = (score(1e-3) - score(-1e-3)) / 2e-3
    # Slopes add up from parts that are far larger.
    scale = float((leaf.grad.double() * direction).abs().sum())
    assert abs(float((leaf.grad.double() * direction).sum()) - slope) < 1e-4 * scale


@pytest.mark.parametrize("kind", KINDS)
def test_networks_drawn_at_random_have_the_slope_of_finite_differences(kind, tmp_path):
    example = torch.rand(1, 3, SIDE, SIDE)
    for seed in range(4 if kind == "exported" else 8):
        net = drawn(seed, WITHOUT_INSTANCES if kind == "onnx" else BETWEEN)
        options = {} if kind in ("exported", "onnx") else {"size": SIDE}
        check(net, open_model(KINDS[kind](net, example, tmp_path), mean=MEAN, std=STD, **options))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "norm", [nn.BatchNorm2d, FunctionalNorm, lambda c: nn.InstanceNorm2d(c, affine=True)]
)
def test_norms_before_tokens_have_the_right_gradient_for_one_picture(kind, norm, tmp_path):
    torch.manual_seed(2)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), norm(8), Tokens(8)).eval()
    nn.init.uniform_(net[1].weight, 0.5, 2)
    if net[1].running_var is not None:
        nn.init.uniform_(net[1].running_var, 0.1, 2)
    options = {} if kind in ("exported", "onnx") else {"size": SIDE}
    example = torch.rand(1, 3, SIDE, SIDE)
    check(net, open_model(KINDS[kind](net, example, tmp_path), mean=MEAN, std=STD, **options))


def test_the_module_that_hooks_and_captum_take_has_the_right_gradient_too():
    torch.manual_seed(2)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), nn.BatchNorm2d(8), Tokens(8)).eval()
    nn.init.uniform_(net[1].running_var, 0.1, 2)
    model = open_model(net, mean=(0, 0, 0), std=(1, 1, 1), size=SIDE)
    x = torch.rand(1, 3, SIDE, SIDE)
    one, two = (each.requires_grad_() for each in (x.clone(), torch.cat([x, x])))
    model.module(one).square().sum().backward()
    net(two)[0].square().sum().backward()
    torch.testing.assert_close(one.grad, two.grad[:1], rtol=1e-4, atol=1e-5)
