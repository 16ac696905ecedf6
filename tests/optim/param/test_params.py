"""Each parametrization holds what it is made from, and keeps what it promises while it moves."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from batcountry.errors import RecipeError
from batcountry.image.statistics import MEAN, MIX, natural_amplitudes
from batcountry.optim.optimizers import Schedule, optimizer
from batcountry.optim.param import PARAMS, Fourier, Maco, step_sizes
from batcountry.optim.param.colors import color_matrix, to_gray_levels, to_latent

sides = st.integers(1, 23)


def pictures(height, width, count=2, seed=0, dtype=torch.float32):
    levels = np.random.RandomState(seed).uniform(1, 254, (count, 3, height, width))
    return torch.from_numpy(levels).to(dtype)


@pytest.mark.parametrize("name", ["pixels", "fourier", "soft-fourier", "maco"])
@given(height=sides, width=sides, double=st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_picture_comes_back_as_it_went_in(name, height, width, double):
    if name == "maco" and height * width == 1:
        return  # one pixel has no waves
    image = pictures(height, width, dtype=torch.float64 if double else torch.float32)
    found = PARAMS[name](image)
    assert found.image().dtype == image.dtype
    assert float((found.image() - image).abs().max().detach()) < (1e-6 if double else 0.05)
    assert all(len(each) == 2 and each.requires_grad and each.is_leaf for each in found.tensors)


@pytest.mark.parametrize("name", ["fourier", "maco"])
def test_black_and_white_come_back_within_a_gray_level(name, photo):
    image = torch.from_numpy(photo).permute(2, 0, 1)[None].float()
    image[..., :9, :5], image[..., 20:, 30:] = 0, 255
    assert float((PARAMS[name](image).image() - image).abs().max().detach()) <= 0.51


def test_fourier_can_be_fitted_to_a_photo_from_gray(photo):
    wanted = torch.from_numpy(photo).permute(2, 0, 1)[None].float().clamp(1, 254)
    param = Fourier(torch.full_like(wanted, 118.0))
    moves = optimizer("adam", Schedule(0.1, 0.5, 30))(param.tensors)
    for _ in range(120):
        distance = (param.image() - wanted).square().sum()
        moves.update(torch.autograd.grad(-distance, param.tensors))
    assert float((param.image() - wanted).abs().mean().detach()) < 2


def test_waves_are_orthonormal_in_decorrelated_colors_and_fall_as_one_over_f():
    image = pictures(7, 10, dtype=torch.float64)
    shares = image.numpy() / 255
    mix = np.array(MIX)
    mix /= np.sqrt((mix**2).sum(0)).max()
    latent = np.einsum("ij,njhw->nihw", np.linalg.inv(mix), np.log(shares / (1 - shares)))
    down, across = np.fft.fftfreq(7)[:, None], np.fft.rfftfreq(10)[None]
    amplitudes = 1 / np.maximum(np.sqrt(down**2 + across**2), 1 / 10)
    wanted = np.fft.rfft2(latent) / np.sqrt(70) / (amplitudes / 4)
    (waves,) = Fourier(image).tensors
    np.testing.assert_allclose(torch.view_as_complex(waves.detach()).numpy(), wanted, atol=1e-10)
    np.testing.assert_allclose(natural_amplitudes((7, 10), image).numpy(), amplitudes)


@pytest.mark.parametrize(("name", "power"), [("fourier", 1.0), ("soft-fourier", 1.5)])
def test_a_step_of_one_size_moves_a_long_wave_as_many_times_further_as_it_is_longer(name, power):
    param = PARAMS[name](torch.full((1, 3, 32, 48), 127.5, dtype=torch.float64))
    swings = []
    for column in (1, 8):
        with torch.no_grad():
            param.tensors[0].zero_()[0, 0, 0, column, 0] = 1e-3
        swings.append(float((param.image().amax() - param.image().amin()).detach()))
    assert swings[0] / swings[1] == pytest.approx(8**power, rel=1e-3)


@given(height=st.integers(3, 12), width=st.integers(3, 12), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_maco_keeps_every_waves_magnitude_however_phases_move(height, width, seed):
    image = 110 + pictures(height, width, seed=seed, dtype=torch.float64) / 16
    param = Maco(image)
    phases = np.random.RandomState(seed).normal(size=param.tensors[0].shape) * 3
    with torch.no_grad():
        param.tensors[0].copy_(torch.from_numpy(phases))
        moved = param.image()
    before, after = (torch.fft.fft2(to_latent(each)).abs() for each in (image, moved))
    assert not torch.allclose(moved, image, atol=1e-3)
    assert torch.allclose(before, after, atol=1e-6)


def test_maco_says_that_an_even_color_has_no_waves():
    with pytest.raises(RecipeError, match="begin with a photograph or the start pink"):
        Maco(torch.cat([pictures(7, 11, 1), torch.full((1, 3, 7, 11), 90.0)]))


@pytest.mark.parametrize("name", ["fourier", "maco"])
def test_gradients_are_those_of_finite_differences(name):
    image = pictures(4, 5, 1, dtype=torch.float64)
    weights = pictures(4, 5, 1, seed=7, dtype=torch.float64)
    param = PARAMS[name](image)
    (found,) = torch.autograd.grad((param.image() * weights).sum(), param.tensors)
    (tensor,) = param.tensors
    flat = tensor.detach().reshape(-1)
    for place in range(0, flat.numel(), 7):
        ends = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                flat[place] += step
                ends.append(float((param.image() * weights).sum()))
                flat[place] -= step
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(
            float(found.reshape(-1)[place]), rel=1e-4, abs=1e-4
        )


def test_colors_are_undone_exactly_and_the_mean_is_a_warm_gray():
    latent = torch.from_numpy(np.random.RandomState(0).normal(size=(2, 3, 3, 5)))
    assert torch.allclose(to_latent(to_gray_levels(latent)), latent)
    assert MEAN[0] > MEAN[2]


@pytest.mark.parametrize("name", list(step_sizes))
@pytest.mark.parametrize("how", ["ascent", "adam", "rmsprop", "rmsprop-cnn-vis"])
def test_every_optimizer_raises_a_score_with_the_usual_step_size(name, how):
    image = pictures(9, 14)
    weights = torch.from_numpy(np.random.RandomState(5).normal(size=(2, 3, 9, 14))).float()
    param = PARAMS[name](image)
    moves = optimizer(how, Schedule(step_sizes[name][how]))(param.tensors)
    scores = []
    for _ in range(8):
        score = (param.image() * weights).sum()
        scores.append(float(score.detach()))
        moves.update(torch.autograd.grad(score, param.tensors))
        param.constrain(True)
    assert scores[-1] > scores[0]
    assert float(param.image().amin().detach()) >= 0
    assert float(param.image().amax().detach()) <= 255


def test_the_matrix_of_colors_is_where_the_pictures_are():
    assert color_matrix(torch.empty(1, device="meta")).device.type == "meta"
