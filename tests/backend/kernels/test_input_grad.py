import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from batcountry.backend.kernels.input_grad import conv2d
from batcountry.backend.kernels.lrn import channel_sums

sides = st.integers(1, 9)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 4),
    st.tuples(sides, sides),
    st.integers(2, 4),
    st.tuples(*[st.integers(0, 3)] * 2),
    st.tuples(*[st.integers(4, 23)] * 2),
)
def test_the_gradient_is_pytorchs(channels, kernel, stride, pad, size):
    assume(all(s + 2 * p >= k for s, p, k in zip(size, pad, kernel, strict=True)))
    torch.manual_seed(0)
    weight, bias = torch.randn(5, channels, *kernel).double(), torch.randn(5).double()
    found = []
    for function in (conv2d, F.conv2d):
        x = torch.linspace(-1, 1, 2 * channels * size[0] * size[1]).double().reshape(2, channels, *size)
        x.requires_grad_()
        y = function(x, weight, bias, (stride, stride), pad, (1, 1), 1)
        (gradient,) = torch.autograd.grad(
            y, x, torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).double()
        )
        found.append((y.detach(), gradient))
    for ours, theirs in zip(*found, strict=True):
        assert ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_gradients_of_weights_are_still_there():
    weight = torch.randn(4, 3, 3, 3, requires_grad=True)
    conv2d(torch.randn(1, 3, 9, 9), weight, None, (2, 2), (1, 1), (1, 1), 1).sum().backward()
    assert weight.grad is not None


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@settings(max_examples=60, deadline=None)
@given(st.integers(1, 20), st.integers(0, 30))
def test_sums_over_channels_are_those_of_a_window(layout, channels, half):
    x = torch.arange(2 * channels * 6.0).reshape(2, channels, 2, 3).contiguous(memory_format=layout)
    index = torch.arange(channels)
    band = ((index[:, None] - index).abs() <= half).float()
    assert torch.equal(channel_sums(x, 2 * half + 1), torch.einsum("nchw,dc->ndhw", x, band))
