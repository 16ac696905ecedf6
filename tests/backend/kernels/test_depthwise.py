import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from batcountry.backend.kernels.depthwise import Depthwise
from batcountry.backend.kernels.dispatch import has_numba

pytestmark = pytest.mark.skipif(not has_numba(), reason="needs Numba")


def last(x):
    return x.contiguous(memory_format=torch.channels_last)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([torch.float32, torch.bfloat16]),
    st.integers(1, 70),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
    st.integers(2, 3),
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
    st.tuples(st.integers(0, 3), st.integers(0, 3)),
    st.tuples(st.integers(1, 14), st.integers(1, 14)),
    st.sampled_from([None, 6.0, math.inf]),
)
def test_it_is_the_convolution_and_its_gradient(dtype, channels, kernel, stride, before, after, size, limit):
    assume(all(s + b + a >= k for s, b, a, k in zip(size, before, after, kernel, strict=True)))
    torch.manual_seed(0)
    weight, bias = torch.randn(channels, 1, *kernel).to(dtype), torch.randn(channels).to(dtype)
    x = last(torch.randn(2, channels, *size).to(dtype))
    filter_ = Depthwise(weight, bias, stride, before, channels, limit, after)
    exact = x.double().requires_grad_()
    padded = F.pad(exact, (before[1], after[1], before[0], after[0]))
    plain = F.conv2d(padded, weight.double(), bias.double(), stride, groups=channels)
    wanted = plain if limit is None else plain.clamp(0, limit)
    close = {"rtol": 1e-2 if dtype == torch.bfloat16 else 1e-5, "atol": 1e-5}
    torch.testing.assert_close(filter_.forward(x).double(), wanted.detach(), **close)
    seed = last(torch.randn(plain.shape).to(dtype))
    (gradient,) = torch.autograd.grad(plain, exact, seed.double())
    found = filter_.input_gradient(seed, x.shape)
    torch.testing.assert_close(found.double(), gradient, **close)
    total = filter_.input_gradient(seed, x.shape, torch.ones_like(x))
    torch.testing.assert_close(total, found + 1)


def test_a_kernel_larger_than_the_picture_is_an_error():
    filter_ = Depthwise(torch.zeros(16, 1, 5, 5), None, 2, (0, 0), 16, None, (1, 1))
    with pytest.raises(RuntimeError, match="does not fit"):
        filter_.forward(last(torch.zeros(1, 16, 3, 9)))
