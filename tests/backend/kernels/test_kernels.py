import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from batcountry.backend.kernels import dispatch as compiled
from batcountry.backend.kernels import lrn, pool
from batcountry.backend.kernels.dispatch import has_numba
from batcountry.backend.kernels.lrn import lrn as normalize
from batcountry.backend.kernels.pool import Windows, max_pool

TYPES = [torch.float32, torch.bfloat16]


@pytest.fixture(params=["loops", "pytorch"])
def by(request, monkeypatch):
    """Run a test with the compiled loops, and as where there are none."""
    if request.param == "pytorch":
        monkeypatch.setattr(pool, "kind", lambda *x: None)
        monkeypatch.setattr(lrn, "kind", lambda *x: None)
    elif not has_numba():
        pytest.skip("needs Numba")
    return request.param


def last(x):
    return x.contiguous(memory_format=torch.channels_last)


def gradient(function, x, seed):
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = function(x)
    return y.detach(), torch.autograd.grad(y, x, seed(y))[0]


@pytest.mark.parametrize("size", [1, 3, 5, 11])
@pytest.mark.parametrize("beta", [0.5, 0.75])
def test_lrn_is_pytorchs_own_and_so_is_its_gradient(size, beta):
    x = torch.randn(2, 7, 5, 3, dtype=torch.float64, requires_grad=True)
    found, wanted = normalize(x, size, 0.3, beta, 2.0), F.local_response_norm(x, size, 0.3, beta, 2.0)
    torch.testing.assert_close(found, wanted)
    seed = torch.randn_like(found)
    torch.testing.assert_close(*(torch.autograd.grad(each, x, seed)[0] for each in (found, wanted)))


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(TYPES),
    st.tuples(st.integers(1, 2), st.integers(1, 70), st.integers(1, 7), st.integers(1, 9)),
    st.sampled_from([1, 3, 5, 7, 9]),
    st.floats(1e-5, 1.0),
    st.floats(0.5, 3.0),
)
def test_lrn_in_one_pass_is_pytorchs_in_double_precision(dtype, shape, size, alpha, k):
    generator = torch.Generator().manual_seed(sum(shape))
    x = last((torch.randn(shape, generator=generator) * 10).to(dtype))
    seed = last(torch.randn(shape, generator=generator).to(dtype))
    ours = gradient(lambda v: normalize(v, size, alpha, 0.75, k), x, lambda y: seed)
    theirs = gradient(
        lambda v: F.local_response_norm(v, size, alpha, 0.75, k), x.double(), lambda y: seed.double()
    )
    precise = {torch.float32: 3e-6, torch.bfloat16: 8e-3}[dtype]
    # The gradient is a difference of two terms, which may all but cancel; rounding is of the larger one's size.
    terms = seed.double() * theirs[0] / x.double()
    for found, wanted, size_of in zip(ours, theirs, (theirs[0], terms), strict=True):
        assert found.dtype == dtype and found.is_contiguous(memory_format=torch.channels_last)
        largest = max(float(each.abs().max()) for each in (wanted, size_of))
        torch.testing.assert_close(found.double(), wanted, rtol=precise, atol=precise * largest)


def test_lrns_gradient_is_its_derivative():
    x = torch.randn(1, 7, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda v: normalize(v, 5, 0.5, 0.75, 1.0), x)


def test_lrn_keeps_channels_last_and_no_numbers_apart(by):
    x = last(torch.randn(1, 8, 5, 3))
    x[0, 2, 1, 1] = float("nan")
    y = normalize(x, 5, 1e-4, 0.75, 1.0)
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert int(y.isnan().sum()) == 5 and bool(y[0, :5, 1, 1].isnan().all())


def test_lrn_keeps_nothing_but_its_input_for_the_gradient():
    if not has_numba():
        pytest.skip("needs Numba")
    x, kept = last(torch.randn(1, 32, 5, 3)).requires_grad_(), []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.data_ptr()) or t, lambda t: t):
        normalize(x, 5, 1e-4, 0.75, 1.0)
    assert kept == [x.data_ptr()]


sides, steps = st.integers(1, 5), st.integers(1, 3)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(TYPES),
    st.tuples(st.integers(1, 2), st.integers(1, 70), st.integers(1, 13), st.integers(1, 11)),
    st.tuples(sides, sides),
    st.tuples(steps, steps),
    st.tuples(*[st.integers(0, 4)] * 2),
    st.booleans(),
    st.booleans(),
)
def test_max_pooling_in_loops_is_pytorchs_on_ties_too(dtype, shape, kernel, stride, pad, ceil, relu):
    assume(all(p < k for p, k in zip(pad, kernel, strict=True)))
    assume(all(s + 2 * p >= k for s, p, k in zip(shape[2:], pad, kernel, strict=True)))
    generator = torch.Generator().manual_seed(sum(shape))
    x = last(torch.randint(-2, 3, shape, generator=generator).to(dtype))
    windows = Windows(kernel, stride, pad, ceil, relu)
    found = gradient(lambda v: max_pool(v, windows), x, lambda y: last(1 + y % 7))
    patch = pytest.MonkeyPatch()
    with patch.context() as without:
        without.setattr(pool, "kind", lambda *v: None)
        wanted = gradient(lambda v: max_pool(v, windows), x, lambda y: last(1 + y % 7))
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(ours, theirs)


def test_the_first_of_equal_maxima_takes_the_gradient(by):
    for layout in (torch.contiguous_format, torch.channels_last):
        x = torch.ones(1, 2, 4, 4).contiguous(memory_format=layout).requires_grad_()
        max_pool(x, Windows((2, 2), (2, 2), (0, 0), ceil=True)).sum().backward()
        assert torch.equal(x.grad[0, 0], torch.tensor([[1.0, 0], [0, 0]]).repeat(2, 2))


def test_padding_beyond_half_the_kernel_is_minus_infinity(by):
    for layout in (torch.contiguous_format, torch.channels_last):
        x = (-torch.rand(1, 1, 5, 7) - 1).contiguous(memory_format=layout)
        assert float(max_pool(x, Windows((3, 3), (1, 1), (2, 2), ceil=True)).max()) < 0


def test_no_number_is_larger_than_any(by):
    x = last(torch.zeros(1, 3, 5, 7))
    x[0, 1, 2, 3] = float("nan")
    y = max_pool(x, Windows((3, 3), (2, 2), (0, 0), ceil=True))
    assert int(y[0, 1].isnan().sum()) == 2 and int(y.isnan().sum()) == 2


def test_a_window_larger_than_the_picture_is_an_error(by):
    with pytest.raises(RuntimeError):
        max_pool(last(torch.zeros(1, 3, 2, 7)), Windows((5, 5), (1, 1), (0, 0), ceil=False))


def test_loops_are_for_channels_last_floats_on_the_cpu_alone():
    x = last(torch.zeros(1, 2, 3, 5))
    assert compiled.kind(x) == ("float32" if has_numba() else None)
    for other in (x.contiguous(), x.double(), x.to("meta"), x[0], x[:0]):
        assert compiled.kind(other) is None


def test_without_numba_pytorch_does_it(monkeypatch):
    monkeypatch.setattr(compiled, "has_numba", lambda: False)
    assert compiled.kind(last(torch.zeros(1, 2, 3, 5))) is None
