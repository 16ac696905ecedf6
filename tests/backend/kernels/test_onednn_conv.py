import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from batcountry.backend.kernels.dispatch import has_numba
from batcountry.backend.kernels.onednn_conv import Filter
from batcountry.backend.processor import has_onednn

pytestmark = pytest.mark.skipif(
    not (has_numba() and has_onednn(torch.float32)), reason="needs Numba and oneDNN"
)


def last(x):
    return x.contiguous(memory_format=torch.channels_last)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([torch.float32, torch.bfloat16]),
    st.sampled_from([1, 2, 3]),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    st.sampled_from([None, 6.0, float("inf")]),
)
def test_filters_are_convolutions_and_turned_round_their_gradient(
    dtype, groups, channels, kernel, pad, limit
):
    if not has_onednn(dtype):
        pytest.skip("needs bfloat16")
    assume(all(p < k for p, k in zip(pad, kernel, strict=True)))
    torch.manual_seed(0)
    weight = last(torch.randn(channels[1] * groups, channels[0], *kernel).to(dtype))
    bias, x = torch.randn(len(weight)).to(dtype), last(torch.randn(2, channels[0] * groups, 11, 13).to(dtype))
    filter_ = Filter(weight, bias, 1, pad, groups, limit)
    exact = x.double().requires_grad_()
    plain = F.conv2d(exact, weight.double(), bias.double(), padding=pad, groups=groups)
    wanted = plain if limit is None else plain.clamp(0, limit)
    found = filter_.forward(x)
    close = {
        "rtol": 0,
        "atol": (2e-6 if dtype == torch.float32 else 2e-2) * float(plain.detach().abs().max()),
    }
    torch.testing.assert_close(found.double(), wanted.detach(), **close)
    seed = last(torch.randn(plain.shape).to(dtype))
    (gradient,) = torch.autograd.grad(plain, exact, seed.double())
    close["atol"] = (4e-6 if dtype == torch.float32 else 2e-2) * float(gradient.abs().max())
    torch.testing.assert_close(filter_.turned.forward(seed).double(), gradient, **close)
    total = last(torch.ones_like(x))
    filter_.turned.add_to(total, seed)
    torch.testing.assert_close(
        total.double() - 1, gradient, rtol=0, atol=close["atol"] + 1e-2 * (dtype == torch.bfloat16)
    )


def test_weights_are_ordered_by_the_shape_alone_and_few_orders_are_kept():
    filter_ = Filter(torch.randn(16, 8, 3, 3), None, pad=(1, 1))
    shapes = [torch.Size((1, 8, size, size + 1)) for size in (9, 40, 9, 23, 9)]
    found = {}
    for shape in shapes:
        x = torch.ones(shape).contiguous(memory_format=torch.channels_last)
        y = filter_.forward(x)
        assert torch.equal(y, found.setdefault(shape, y))
        assert len(filter_._orders) <= 2
