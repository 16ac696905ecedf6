"""On a processor without bfloat16, fast rounds where it does elsewhere and multiplies float32."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from batcountry import open_model
from batcountry.backend import processor, widened
from batcountry.backend.kernels.dispatch import channels_last, has_numba
from batcountry.backend.kernels.fused_branches import Branches
from batcountry.backend.kernels.onednn_conv import Filter
from batcountry.backend.processor import has_bfloat16, has_onednn
from batcountry.backend.widened import widened_products
from batcountry.image.sky import sky
from batcountry.models.loaders.caffe import open_caffe
from conftest import REFERENCE

CPU = torch.device("cpu")
PRODUCTS = ("conv", "mm", "mv", "dot", "linear", "attention")


@pytest.fixture
def plain_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this processor taken for one without bfloat16."""
    monkeypatch.setattr(widened, "has_bfloat16", lambda: False)
    widened._say_so.cache_clear()


class Products(TorchDispatchMode):
    """Notes the types of numbers that products are made of, both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.types: set[torch.dtype] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(each in str(func) for each in PRODUCTS):
            self.types.update(each.dtype for each in args if isinstance(each, Tensor))
        return func(*args, **(kwargs or {}))


def gradient(model: Any, layer: str, image: Tensor) -> Tensor:
    leaf = image.clone().requires_grad_()
    values = model.activations(leaf, [layer])[layer]
    return torch.autograd.grad(values, leaf, values.detach())[0]


def clouds(width: int, height: int) -> Tensor:
    return torch.from_numpy(np.float32(sky(width, height))).permute(2, 0, 1)[None].contiguous()


class Mixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.first, self.up = nn.Conv2d(3, 8, 8, 8), nn.ConvTranspose2d(8, 8, 2, 2)
        self.attention = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.up(self.first(x).relu()).flatten(2).transpose(1, 2)
        return self.attention(y).transpose(1, 2)[..., None]


@pytest.mark.usefixtures("plain_processor")
def test_no_product_of_any_kind_of_network_is_one_of_bfloat16():
    mini = REFERENCE / "layers" / "mini_inception"
    models = [
        (open_model(), "logits"),
        (open_caffe(mini / "net.prototxt", mini / "net.caffemodel"), None),
        (open_model(Mixed(), size=48), None),
    ]
    for model, layer in models:
        with Products() as products:
            found = gradient(model.at("fast"), layer or model.layers[-1].name, clouds(48, 40))
        assert torch.bfloat16 not in products.types, model.name
        assert torch.float32 in products.types
        assert found.abs().sum() > 0


@pytest.mark.usefixtures("plain_processor")
@pytest.mark.parametrize(
    ("shape", "stride", "pad", "groups"),
    [((16, 16, 3), 1, 1, 1), ((16, 8, 1), 1, 0, 1), ((16, 3, 7), 2, 3, 1), ((8, 8, 5), 1, 2, 8)],
)
def test_convolutions_round_their_results_and_gradients_and_nothing_before(shape, stride, pad, groups):
    if not (has_numba() and has_onednn(torch.float32)):
        pytest.skip("needs Numba and oneDNN")
    out, inside, side = shape
    weight = channels_last(torch.randn(out, inside // groups, side, side)).bfloat16()
    bias, x = torch.randn(out).bfloat16(), channels_last(torch.randn(2, inside, 21, 17)).bfloat16()
    leaf, precise = x.clone(memory_format=torch.channels_last).requires_grad_(), x.double().requires_grad_()
    (found,) = Branches((Filter(weight, bias, stride, (pad, pad), groups, math.inf),), (True,))(leaf)
    wanted = F.relu(F.conv2d(precise, weight.double(), bias.double(), stride, pad, 1, groups))
    above = torch.sin(torch.arange(found.numel())).reshape(found.shape).bfloat16()
    # The gradient of the ReLU is left to what follows.
    ours = torch.autograd.grad(found, leaf, channels_last(above))[0]
    through = F.conv2d(precise, weight.double(), bias.double(), stride, pad, 1, groups)
    theirs = torch.autograd.grad(through, precise, above.double())[0]
    for one, other in ((found, wanted), (ours, theirs)):
        assert one.dtype == torch.bfloat16
        off = (one.double() - other.double().bfloat16().double()).abs() > 0
        assert off.float().mean() < 0.01  # where float32's sum lies on the other side of a half
        assert torch.allclose(one.double(), other.double(), rtol=2**-8, atol=1e-5)


def test_the_gradient_is_that_of_a_processor_with_bfloat16(monkeypatch, googlenet):
    if not has_bfloat16():
        pytest.skip("needs a processor with bfloat16 to compare with")
    image = clouds(160, 112)
    # By Winograd's tiles a convolution rounds to bfloat16 within, too.
    monkeypatch.setattr("batcountry.backend.kernels.winograd.Winograd.suits", lambda weight: False)
    for name, layer in ((None, "blocks.10"), (googlenet, "inception_4c/output")):
        model = open_model(name) if name else open_model()
        with_it = gradient(model.at("fast"), layer, image)
        with monkeypatch.context() as patch:
            patch.setattr(widened, "has_bfloat16", lambda: False)
            without = gradient(model.at("fast"), layer, image)
        exact = gradient(model, layer, image)
        near, far = (
            torch.cosine_similarity(without.flatten(), each.flatten(), 0) for each in (with_it, exact)
        )
        assert near > 0.998 > far


@pytest.mark.usefixtures("plain_processor")
def test_it_is_said_once(caplog):
    with caplog.at_level(logging.WARNING, "batcountry"):
        for _ in range(2):
            with widened_products(CPU):
                pass
    assert caplog.text.count("no instructions for bfloat16") == 1


def test_nothing_is_said_or_changed_where_there_is_bfloat16_or_another_device(monkeypatch, caplog):
    monkeypatch.setattr(widened, "has_bfloat16", lambda: True)
    with widened_products(CPU), Products() as products:
        F.linear(torch.ones(2, 3).bfloat16(), torch.ones(4, 3).bfloat16())
    assert products.types == {torch.bfloat16}
    monkeypatch.setattr(widened, "has_bfloat16", lambda: False)
    with widened_products(torch.device("cuda")):
        pass
    assert not caplog.text


def test_processors_known_to_have_avx2_alone_lack_bfloat16(monkeypatch):
    monkeypatch.setattr(processor, "has_onednn", lambda dtype: True)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX512")
    for flags, lacks in (
        ({"avx2"}, True),
        ({"avx2", "avx512f"}, True),
        ({"avx2", "avx512_bf16"}, False),
        ((), False),
    ):
        monkeypatch.setattr(processor, "cpu_flags", lambda found=flags: frozenset(found))
        assert has_bfloat16() != lacks
    monkeypatch.setattr(processor, "has_onednn", lambda dtype: False)
    assert not has_bfloat16()
