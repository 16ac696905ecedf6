"""Steps on buffers that stay add nothing up in an order that a graphics card leaves open, so they are the same each time."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from batcountry.image import blur, sampling
from batcountry.objectives import layer, total_variation
from batcountry.objectives.breakdown import Breakdown
from batcountry.optim.ascent import Ascent
from batcountry.optim.gradient import whole_gradient
from batcountry.optim.optimizers import Schedule, optimizer
from batcountry.optim.param import PARAMS
from batcountry.optim.redirection import Redirection
from batcountry.optim.static_climb import StaticClimb
from batcountry.optim.transforms import parse

ANY_ORDER = {
    *("grid_sampler_2d_backward", "grid_sampler_3d_backward", "index_put", "index_put_", "_index_put_impl_"),
    *("upsample_bilinear2d_backward", "_upsample_bilinear2d_aa_backward", "upsample_bicubic2d_backward"),
    *("_upsample_bicubic2d_aa_backward", "reflection_pad2d_backward", "replication_pad2d_backward"),
    *("reflection_pad1d_backward", "replication_pad1d_backward", "_adaptive_avg_pool2d_backward"),
    *("cumsum", "median", "histc", "put_", "bincount", "embedding_dense_backward"),
}
"""What PyTorch does on graphics cards in whatever order threads end, beside sums at places that are given."""

SUMS = {"scatter_add", "scatter_add_", "scatter_reduce", "scatter_reduce_", "index_add", "index_add_"}

TRANSFORMS = [
    "jitter(5)",
    "pad(3)",
    'pad(3, "edge")',
    'pad(30, "reflect")',
    "scale(0.8, 1.2)",
    "rotate(20)",
    "flip()",
    "blur(0, 2)",
    "noise(1, 3)",
    "crop(11, 13)",
]


class Orders(TorchDispatchMode):
    """Notes what adds up in any order, in gradients too."""

    def __init__(self):
        super().__init__()
        self.noted, self.seen = set(), set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        self.seen.add(name)
        if name in ANY_ORDER or (name in SUMS and args[0].is_floating_point()):
            self.noted.add(name)
        return func(*args, **(kwargs or {}))


@pytest.fixture
def beside_a_processor(monkeypatch):
    """Take the ways of other devices here."""
    for room in (blur, sampling):
        monkeypatch.setattr(room, "adds_in_order", lambda _: False)


def noted(work):
    with Orders() as orders:
        work()
    return orders


def pictures():
    return torch.from_numpy(np.random.RandomState(3).uniform(20, 230, (2, 3, 19, 23)).astype(np.float32))


def moved(transform):
    leaf = pictures().requires_grad_()
    seen = transform(leaf, np.random.RandomState(1))
    return torch.autograd.grad(seen, leaf, torch.ones_like(seen).cumsum(-1))[0]


@pytest.mark.parametrize("text", TRANSFORMS)
@pytest.mark.usefixtures("beside_a_processor")
def test_each_transform_in_steps_on_buffers_that_stay(text, two_channels):
    make = Ascent(
        whole_gradient(two_channels, layer("sum")),
        optimizer("ascent", Schedule(1.5, 1.0, 2), "mean"),
        parse(text),
        np.random.RandomState(0),
    )
    static = StaticClimb(make, pictures(), {})
    static.restart(pictures(), {}, make.rng, Redirection(0), None, lambda: None)
    assert not noted(static.step).noted


@pytest.mark.parametrize("param", ["pixels", "decorrelated", "fourier", "soft-fourier", "maco"])
@pytest.mark.usefixtures("beside_a_processor")
def test_each_parametrization_with_bands_and_terms_of_the_image(param, two_channels):
    prior = Breakdown(two_channels, total_variation())
    make = Ascent(
        whole_gradient(two_channels, layer("sum")),
        optimizer(
            "ascent", Schedule(1.5, 1.0, 2), "bands" if param in ("pixels", "decorrelated") else "mean"
        ),
        parse("jitter(3)"),
        np.random.RandomState(0),
        param=PARAMS[param],
        prior=prior,
    )
    static = StaticClimb(make, pictures(), {})
    static.restart(pictures(), {}, make.rng, Redirection(0), None, lambda: None)
    orders = noted(static.step)
    assert "index_select" in orders.seen
    assert not orders.noted


@pytest.mark.parametrize("text", TRANSFORMS)
def test_transforms_that_draw_on_the_spot_do_the_same(request, text):
    (transform,) = parse(text)
    usual = moved(transform)
    request.getfixturevalue("beside_a_processor")
    found = []

    def work():
        leaf = pictures().requires_grad_()
        seen = transform(leaf, np.random.RandomState(1))
        toward = (torch.arange(seen.shape[-1]) + 1.0).expand_as(seen)
        found.append(torch.autograd.grad(seen, leaf, toward)[0])

    assert not noted(work).noted
    torch.testing.assert_close(found[0], usual, rtol=1e-4, atol=1e-3)


def test_what_is_looked_for_is_found_in_the_usual_ways_of_a_processor():
    noted_in = {
        text: noted(lambda text=text: moved(parse(text)[0])).noted - {"cumsum"} for text in TRANSFORMS
    }
    assert {text.split("(")[0] for text, names in noted_in.items() if names} == {
        "pad",
        "scale",
        "rotate",
        "blur",
    }
