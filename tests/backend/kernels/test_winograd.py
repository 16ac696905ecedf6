import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from batcountry.backend.kernels import winograd
from batcountry.backend.kernels.dispatch import has_numba
from batcountry.backend.kernels.onednn_conv import Filter
from batcountry.backend.kernels.winograd import Winograd
from batcountry.backend.processor import has_onednn

pytestmark = pytest.mark.skipif(
    not (has_numba() and has_onednn(torch.float32) and winograd.multiplies(torch.float32)),
    reason="needs Numba, oneDNN and AVX2",
)

dtypes = st.sampled_from([each for each in (torch.float32, torch.bfloat16) if winograd.multiplies(each)])


def last(x):
    return x.contiguous(memory_format=torch.channels_last)


def relative(found, wanted):
    return float((found.double() - wanted).norm() / wanted.norm())


@settings(max_examples=80, deadline=None)
@given(
    dtypes,
    st.sampled_from([16, 32, 48, 80]),
    st.sampled_from([16, 48, 96]),
    st.tuples(st.integers(3, 30), st.integers(3, 30)),
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    st.sampled_from([None, 0.7, math.inf]),
    st.booleans(),
)
def test_it_is_the_convolution_and_turned_round_its_gradient(dtype, channels, out, size, pad, limit, biased):
    torch.manual_seed(0)
    weight = last(torch.randn(out, channels, 3, 3).to(dtype) / math.sqrt(9 * channels))
    bias = torch.randn(out).to(dtype) if biased else None
    x = last(torch.randn(2, channels, *size).to(dtype))
    filter_ = Filter(weight, bias, 1, pad, 1, limit)
    assert filter_._winograd
    exact = x.double().requires_grad_()
    plain = F.conv2d(exact, weight.double(), None if bias is None else bias.double(), padding=pad)
    wanted = plain if limit is None else plain.clamp(0, limit)
    most = 1e-6 if dtype == torch.float32 else 1e-2
    assert relative(filter_.forward(x), wanted.detach()) < most
    seed = last(torch.randn(plain.shape).to(dtype))
    (gradient,) = torch.autograd.grad(plain, exact, seed.double())
    assert filter_.turned._winograd
    assert relative(filter_.turned.forward(seed), gradient) < most


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_rounds_about_as_onednn_does(dtype, monkeypatch):
    if not winograd.multiplies(dtype):
        pytest.skip("needs AVX512-BF16")
    torch.manual_seed(1)
    weight = last(torch.randn(192, 64, 3, 3).to(dtype) / 24)
    x = last(torch.randn(1, 64, 40, 52).relu().to(dtype))
    wanted = F.conv2d(x.double(), weight.double(), padding=1)
    ours = relative(Filter(weight, None, 1, (1, 1), limit=None).forward(x), wanted)
    monkeypatch.setattr(Winograd, "suits", staticmethod(lambda weight: False))
    theirs = relative(Filter(weight, None, 1, (1, 1), limit=None).forward(x), wanted)
    assert theirs < ours < 3 * theirs if dtype == torch.bfloat16 else ours < 1.5 * theirs


def test_a_result_does_not_depend_on_what_else_is_worked_out():
    torch.manual_seed(2)
    filter_ = Filter(last(torch.randn(32, 16, 3, 3)), torch.randn(32), 1, (1, 1))
    x = last(torch.randn(3, 16, 31, 17))
    together = filter_.forward(x)
    for picture, found in zip(x, together, strict=True):
        assert torch.equal(filter_.forward(last(picture[None]))[0], found)


def test_numbers_that_are_none_stay_so():
    filter_ = Filter(last(torch.ones(16, 16, 3, 3)), None, 1, (1, 1))
    x = last(torch.ones(1, 16, 9, 9))
    x[0, 3, 4, 4] = math.nan
    found = filter_.forward(x)
    assert found[0, :, 3:6, 3:6].isnan().all()
    assert (found[0, :, :2, :2] == filter_.forward(last(torch.ones(1, 16, 9, 9)))[0, :, :2, :2]).all()


def test_weights_too_large_for_the_cache_and_other_windows_are_left_to_onednn():
    assert Winograd.suits(torch.zeros(256, 256, 3, 3))
    assert not Winograd.suits(torch.zeros(512, 512, 3, 3))
    assert not Winograd.suits(torch.zeros(64, 64, 5, 5))
    assert not Winograd.suits(torch.zeros(64, 24, 3, 3))
    assert Filter(torch.zeros(32, 32, 3, 3), None, 2, (1, 1))._winograd is None


@pytest.mark.parametrize("size", [(2, 9), (9, 1)])
def test_what_is_smaller_than_the_window_is_an_error(size):
    filter_ = Filter(last(torch.zeros(16, 16, 3, 3)), None)
    with pytest.raises(RuntimeError, match="does not fit"):
        filter_.forward(last(torch.zeros(1, 16, *size)))


def test_where_it_does_not_compile_onednn_does_it(monkeypatch, caplog):
    def broken(self):
        if "winograd" in self._body.__module__:
            raise TypeError("no such instruction")

    monkeypatch.setattr("batcountry.backend.kernels.loops.threads.Loop.compile", broken)
    winograd.multiplies.cache_clear()
    try:
        filter_ = Filter(last(torch.randn(16, 16, 3, 3)), None, 1, (1, 1), limit=None)
        x = last(torch.randn(1, 16, 9, 9))
        torch.testing.assert_close(filter_.forward(x), F.conv2d(x, filter_.weight, padding=1))
        assert filter_._winograd is None
        assert "(no such instruction)" in caplog.text
    finally:
        winograd.multiplies.cache_clear()
