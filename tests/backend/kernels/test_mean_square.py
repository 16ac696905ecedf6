import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from batcountry.backend.kernels.mean_square import mean_square


@settings(deadline=None)
@given(st.lists(st.integers(1, 6), min_size=2, max_size=4), st.booleans())
def test_mean_squares_and_their_gradient_are_those_of_the_formula(shape, last):
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(len(shape)))
    last = last and x.ndim == 4
    x = (x.contiguous(memory_format=torch.channels_last) if last else x).requires_grad_()
    found, wanted = mean_square(x), (x**2).sum(1) / shape[1]
    torch.testing.assert_close(found, wanted)
    weights = torch.rand(found.shape, dtype=torch.float64)
    ours, theirs = (torch.autograd.grad(each, x, weights)[0] for each in (found, wanted))
    torch.testing.assert_close(ours, theirs)
    assert ours.is_contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)
