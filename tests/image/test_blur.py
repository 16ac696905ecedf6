"""The Gaussian blur, against SciPy's."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from batcountry.image.blur import gaussian_blur

SCIPY = {"replicate": "nearest", "reflect": "mirror"}


def levels(height=23, width=31, dtype=torch.float64):
    return torch.from_numpy(np.random.RandomState(0).uniform(0, 255, (2, 3, height, width))).to(dtype)


@pytest.mark.parametrize("edge", ["replicate", "reflect"])
@pytest.mark.parametrize(("sigma", "truncate"), [(0.3, 4), (1.5, 3), (1.7, 4), (4, 4)])
def test_it_is_that_of_scipy(sigma, truncate, edge):
    image = levels()
    radius = math.ceil(truncate * sigma)
    expected = ndimage.gaussian_filter(image.numpy(), (0, 0, sigma, sigma), mode=SCIPY[edge], radius=radius)
    blurred = gaussian_blur(image, sigma, truncate=truncate, edge=edge)
    np.testing.assert_allclose(blurred.numpy(), expected, rtol=1e-12)
    single = gaussian_blur(image.float(), sigma, truncate=truncate, edge=edge)
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single.numpy(), expected, rtol=2e-6)


def test_weights_worked_out_in_more_precision_stay_those_of_the_pictures_type():
    image = levels(dtype=torch.float32)
    blurred = gaussian_blur(image, 3.3, truncate=4, edge="replicate", dtype=torch.float64)
    assert blurred.dtype == torch.float32
    torch.testing.assert_close(blurred, gaussian_blur(image, 3.3, truncate=4, edge="replicate"))


@pytest.mark.parametrize("edge", ["replicate", "reflect"])
@pytest.mark.parametrize("size", [(1, 1), (2, 7), (5, 3)])
def test_a_picture_smaller_than_the_gaussian_keeps_its_size_and_an_even_one_its_level(size, edge):
    blurred = gaussian_blur(torch.full((1, 3, *size), 90.0), 5, truncate=4, edge=edge)
    torch.testing.assert_close(blurred, torch.full((1, 3, *size), 90.0))


def test_its_gradient_is_that_of_finite_differences():
    image = levels(4, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: gaussian_blur(x, 1.2, truncate=3, edge="replicate"), (image,))
