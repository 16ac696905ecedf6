"""Gradients through float16 are what they are in float32, however small or large."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from batcountry.backend.scaled_gradient import ScaledGradient


def gradient(size: float, *, scaled: bool) -> torch.Tensor:
    """Return the gradient of two layers' sums, times `size`, through a small network in float16."""
    random = torch.Generator().manual_seed(3)
    weight = (torch.rand(5, 3, 3, 3, generator=random) - 0.5).half()
    x = torch.rand(1, 3, 9, 7, generator=random, requires_grad=True)
    if not scaled:
        first = F.conv2d(x, weight.float())
        return torch.autograd.grad((first.square().sum() + 3 * first.relu().sum()) * size, x)[0]
    half = ScaledGradient()
    first = F.conv2d(half.enter(x), weight)
    found = half.leave({"a": first, "b": first.relu(), "unread": first * 2}, x.dtype)
    assert found["a"].dtype == torch.float32
    return torch.autograd.grad((found["a"].square().sum() + 3 * found["b"].sum()) * size, x)[0]


@pytest.mark.parametrize("size", [1e-12, 1e-3, 1.0, 1e4, 1e12])
def test_gradients_of_any_size_come_through_float16(size: float) -> None:
    wanted, found = (gradient(size, scaled=scaled) for scaled in (False, True))
    assert found.dtype == torch.float32
    assert (found - wanted).norm() < 2e-3 * wanted.norm()


def test_no_gradient_is_none() -> None:
    assert torch.equal(gradient(0.0, scaled=True), torch.zeros(1, 3, 9, 7))


def test_what_is_not_finite_is_not_hidden() -> None:
    assert not gradient(float("inf"), scaled=True).isfinite().all()
