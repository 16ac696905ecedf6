import pytest
import torch
from torch.nn import functional as F

from batcountry.kernels.lrn import lrn
from batcountry.kernels.pool import max_pool


@pytest.mark.parametrize("size", [1, 3, 5, 11])
@pytest.mark.parametrize("beta", [0.5, 0.75])
def test_lrn_is_pytorchs_own_and_so_is_its_gradient(size, beta):
    x = torch.randn(2, 7, 5, 3, dtype=torch.float64, requires_grad=True)
    found, wanted = lrn(x, size, 0.3, beta, 2.0), F.local_response_norm(x, size, 0.3, beta, 2.0)
    torch.testing.assert_close(found, wanted)
    seed = torch.randn_like(found)
    torch.testing.assert_close(*(torch.autograd.grad(each, x, seed)[0] for each in (found, wanted)))


def test_lrns_gradient_is_its_derivative():
    x = torch.randn(1, 7, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: lrn(v, 5, 0.5, 0.75, 1.0), x)


def test_lrn_keeps_channels_last():
    x = torch.randn(1, 8, 5, 3).contiguous(memory_format=torch.channels_last)
    assert lrn(x, 5, 1e-4, 0.75, 1.0).is_contiguous(memory_format=torch.channels_last)


def test_the_first_of_equal_maxima_takes_the_gradient():
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.ones(1, 2, 4, 4).contiguous(memory_format=layout).requires_grad_()
        max_pool(x, (2, 2), (2, 2), (0, 0), True).sum().backward()
        assert torch.equal(x.grad[0, 0], torch.tensor([[1.0, 0], [0, 0]]).repeat(2, 2))


def test_padding_beyond_half_the_kernel_is_minus_infinity():
    x = -torch.rand(1, 1, 5, 7) - 1
    assert float(max_pool(x, (3, 3), (1, 1), (2, 2), True).max()) < 0
