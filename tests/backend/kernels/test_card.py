"""What graphics cards run instead of cuDNN gives what PyTorch's own operations do, tried on the processor from the same source."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from batcountry import open_model
from batcountry.backend.kernels.card import compiled, products
from batcountry.backend.kernels.depthwise import Depthwise
from batcountry.backend.kernels.dispatch import channels_last, on_card
from batcountry.backend.kernels.fused_branches import Branches
from batcountry.backend.kernels.lrn import lrn
from batcountry.backend.kernels.onednn_conv import Filter
from batcountry.backend.kernels.pool import Windows, max_pool
from batcountry.backend.redirected_relu import redirected_relu
from batcountry.image.sky import sky
from processor_as_card import processor_as_card as processor_as_card

ROUGH = {torch.float32: 1e-6, torch.float16: 2e-3, torch.bfloat16: 1e-2}

pytestmark = pytest.mark.usefixtures("processor_as_card")


@pytest.fixture(params=ROUGH, ids=str)
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    return request.param


def agree(
    ours: Callable[[Tensor], Tensor], theirs: Callable[[Tensor], Tensor], x: Tensor, limit: float
) -> None:
    """Compare results and gradients with those in float64; whatever `ours` makes has to lie where its input does."""
    leaf = channels_last(x).requires_grad_()
    precise = x.double().requires_grad_()
    wanted = theirs(precise)
    above = torch.sin(torch.arange(wanted.numel())).reshape(wanted.shape).to(x.dtype)
    with torch.device("meta"):
        found = ours(leaf)
        gradient = torch.autograd.grad(found, leaf, channels_last(above))[0]
    wanted_gradient = torch.autograd.grad(wanted, precise, above.double())[0]
    assert found.dtype == gradient.dtype == x.dtype
    for one, other in ((found, wanted), (gradient, wanted_gradient)):
        assert one.shape == other.shape
        assert (one.double() - other).norm() <= limit * other.norm()


def picture(channels: int, dtype: torch.dtype, images: int = 2) -> Tensor:
    return torch.randn(images, channels, 19, 23, generator=torch.Generator().manual_seed(5)).to(dtype)


@pytest.mark.parametrize("channels", [16, 5])
@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "ceil"), [(3, 2, 0, True), (3, 1, 1, False), (2, 2, 1, True)]
)
def test_pooling(dtype, channels, kernel, stride, pad, ceil):
    windows = Windows((kernel, kernel), (stride, stride), (pad, pad), ceil)
    x = picture(channels, dtype)

    def theirs(precise: Tensor) -> Tensor:
        return F.max_pool2d(precise, kernel, stride, pad, ceil_mode=ceil)

    agree(lambda leaf: max_pool(leaf, windows), theirs, x, ROUGH[dtype])
    agree(
        lambda leaf: max_pool(leaf, windows._replace(relu=True)), lambda p: theirs(F.relu(p)), x, ROUGH[dtype]
    )


def test_of_equal_maxima_the_first_takes_the_gradient_and_nan_is_larger_than_any():
    x = channels_last(torch.tensor([[1.0, 3.0, 3.0], [math.nan, 0.0, 2.0]]).reshape(1, 1, 2, 3))
    y, places = Windows((1, 3), (1, 1), (0, 0), False).forward(x)
    assert places.flatten().tolist() == [1, 0]
    assert y[0, 0, 0, 0] == 3 and y[0, 0, 1, 0].isnan()


@pytest.mark.parametrize(("channels", "size"), [(16, 5), (6, 5), (16, 3), (3, 7)])
def test_normalization_across_channels(dtype, channels, size):
    x = picture(channels, dtype)

    def theirs(precise: Tensor) -> Tensor:
        return F.local_response_norm(precise, size, 0.7, 0.75, 1.3)

    agree(lambda leaf: lrn(leaf, size, 0.7, 0.75, 1.3), theirs, x, ROUGH[dtype])
    # Of what has been through a ReLU.
    agree(
        lambda leaf: lrn(leaf, size, 0.7, 0.75, 1.3, relu=True),
        lambda precise: theirs(F.relu(precise)),
        F.relu(x),
        ROUGH[dtype],
    )


def convolution(
    kind: type[Filter], shape: tuple[int, int, int], dtype: torch.dtype, stride: int, pad: int, **more
):
    """Return a filter with a bias, as a function, and PyTorch's own of the same numbers."""
    out, inside, side = shape
    groups = more.get("groups", 1)
    random = torch.Generator().manual_seed(7)
    weight = torch.randn(out, inside // groups, side, side, generator=random).to(dtype)
    bias = torch.randn(out, generator=random).to(dtype)
    limit = more.get("limit")
    filter_ = kind(channels_last(weight), bias, stride, (pad, pad), **more)

    def theirs(x: Tensor) -> Tensor:
        after = more.get("after", (pad, pad))[0]
        y = F.conv2d(F.pad(x, (pad, after, pad, after)), weight.double(), bias.double(), stride, 0, 1, groups)
        return y if limit is None else y.clamp(0, limit)

    return Branches((filter_,), (True,)), theirs


@pytest.mark.parametrize(
    ("shape", "stride", "pad", "groups"),
    [
        ((10, 16, 1), 1, 0, 1),  # rows as they lie
        ((10, 6, 1), 1, 0, 1),  # rows that are filled up
        ((10, 16, 3), 1, 1, 1),
        ((8, 5, 5), 1, 2, 1),
        ((16, 3, 7), 2, 3, 1),
        ((16, 3, 4), 3, 0, 1),
        ((8, 6, 3), 1, 1, 2),
        ((16, 16, 3), 1, 1, 16),
        ((5, 5, 5), 1, 2, 5),
    ],
)
def test_convolutions_as_products(dtype, shape, stride, pad, groups):
    ours, theirs = convolution(Filter, shape, dtype, stride, pad, groups=groups, limit=None)
    agree(lambda leaf: ours(leaf)[0], theirs, picture(shape[1], dtype), ROUGH[dtype])


@pytest.mark.parametrize(
    ("channels", "side", "before", "after"), [(16, 3, 0, 1), (16, 5, 1, 2), (5, 5, 2, 2)]
)
def test_convolutions_of_each_channel_with_a_stride(dtype, channels, side, before, after):
    ours, theirs = convolution(
        Depthwise,
        (channels, channels, side),
        dtype,
        2,
        before,
        groups=channels,
        limit=None,
        after=(after, after),
    )
    agree(lambda leaf: ours(leaf)[0], theirs, picture(channels, dtype), ROUGH[dtype])


@pytest.mark.parametrize("limit", [math.inf, 6.0])
def test_results_end_where_they_should(limit):
    for shape, groups in (((10, 16, 3), 1), ((16, 16, 3), 16)):
        ours, theirs = convolution(Filter, shape, torch.float32, 1, 1, groups=groups, limit=limit)
        x = picture(16, torch.float32)
        assert torch.allclose(ours(channels_last(x))[0], theirs(x.double()).float(), atol=1e-4)


def test_rows_that_do_not_fit_at_once_give_the_same_numbers(monkeypatch):
    for shape, stride, pad in (((10, 16, 3), 1, 1), ((16, 3, 7), 2, 3), ((16, 3, 4), 3, 0)):
        ours, theirs = convolution(Filter, shape, torch.float32, stride, pad, limit=None)
        monkeypatch.setattr(products, "_MOST", 20_000)
        agree(lambda leaf, run=ours: run(leaf)[0], theirs, picture(shape[1], torch.float32), 1e-6)


def test_branches_add_up_their_gradients_with_pooling():
    filters = [convolution(Filter, (out, 8, 1), torch.float32, 1, 0, limit=math.inf) for out in (5, 7)]
    windows = Windows((3, 3), (1, 1), (1, 1), False, True)
    joined = Branches(tuple(each[0].filters[0] for each in filters), (False, False), windows)
    agree(
        lambda leaf: torch.cat(joined(leaf), 1),
        lambda p: torch.cat([*(each[1](p) for each in filters), F.max_pool2d(F.relu(p), 3, 1, 1)], 1),
        picture(8, torch.float32),
        1e-6,
    )


def test_whole_networks(googlenet):
    image = torch.from_numpy(np.float32(sky(96, 80))).permute(2, 0, 1)[None].contiguous()
    for name, layer in ((None, "blocks.10"), (googlenet, "inception_4c/output")):
        model = open_model(name) if name else open_model()
        found = []
        for devices in ({"cpu"}, set()):
            compiled.DEVICES.clear()
            compiled.DEVICES.update(devices)
            leaf = image.clone().requires_grad_()
            with torch.device("meta") if devices else torch.device("cpu"):
                values = model.activations(leaf, [layer])[layer]
                found.append(torch.autograd.grad(values, leaf, values.detach())[0])
        assert 0 < (found[0] - found[1]).norm() < 1e-5 * found[1].norm()


def test_redirected_relus_are_left_to_pytorch():
    x = channels_last(picture(8, torch.float32))
    assert on_card(x)
    with redirected_relu():
        assert not on_card(x)


def test_more_numbers_than_a_start_takes_are_as_too_little_memory():
    with pytest.raises(RuntimeError, match="allocate memory"):
        compiled.numbers(1 << 31, ())


def test_all_loops_have_a_part_that_compiles_for_every_type():
    import processor_as_card as stand_in

    text = compiled.SOURCE.read_text()
    for part in ("windows", "pool", "depthwise", "lrn"):
        assert f"PART_{part}" in text
        for dtype in compiled.NUMBERS:
            assert stand_in._library(part, dtype)
