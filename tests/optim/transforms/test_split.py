"""Transforms whose numbers were drawn before: the same pictures as those that draw on the spot."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from batcountry.optim.alpha import AlphaDecay, OverNoise
from batcountry.optim.transforms import Split, blur, crop, flip, jitter, noise, pad, parse, rotate, scale

SAME = [
    jitter(0),
    jitter(9),
    pad(4),
    pad(30, "edge"),
    pad(30, "reflect"),
    rotate(0),
    rotate(25),
    flip(),
    noise(4),
    noise(0, 3),
    crop(11, 20),
    AlphaDecay(0.5),
    OverNoise(),
]
"""Of which every pixel is the same."""

ROUNDED = [blur(0), blur(0.3, 2)]


def name(transform):
    return f"{type(transform).__name__}-{transform}"


def pictures(height=17, width=26, channels=5):
    random = torch.Generator().manual_seed(1)
    return 255 * torch.rand(2, channels, height, width, generator=random)


def both(transform, seed, stack):
    """Return pictures transformed by what is drawn on the spot, and by what was drawn before, with their gradients."""
    size = tuple(stack.shape[-2:])
    for split in (False, True):
        leaf, rng = stack.clone().requires_grad_(), np.random.RandomState(seed)
        moved = transform.apply(leaf, transform.draw(rng, size)) if split else transform(leaf, rng)
        weights = torch.arange(moved.numel()).reshape(moved.shape) % 7 - 2.0
        (gradient,) = torch.autograd.grad((moved * weights).sum(), leaf)
        yield moved.detach(), gradient, rng.randint(0, 1 << 30)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("transform", [*SAME, *ROUNDED], ids=name)
def test_the_pictures_and_the_gradient_are_the_same_and_so_are_the_numbers_to_come(transform, seed):
    assert isinstance(transform, Split)
    usual, split = both(transform, seed, pictures())
    near = {"rtol": 1e-4, "atol": 1e-3} if transform in ROUNDED else {"rtol": 0, "atol": 0}
    torch.testing.assert_close(split[0], usual[0], **near)
    # What several pixels give to one is added up in another order.
    torch.testing.assert_close(split[1], usual[1], rtol=1e-4, atol=1e-3)
    assert split[2] == usual[2]


def test_all_transforms_that_have_names_can_be_drawn_ahead():
    text = "jitter(3), pad(2), scale(0.9, 1.1), rotate(5), flip(), blur(0, 1), noise(1, 2), crop(8)"
    assert all(isinstance(each, Split) for each in parse(text))


@pytest.mark.parametrize("factor", [0.55, 0.9, 1.0, 1.3])
def test_a_scaled_picture_is_the_usual_one_and_mirrored_beyond_it(factor):
    stack, most = pictures(20, 33), scale(0.5, 1.4)
    usual = scale(factor, factor)(stack, np.random.RandomState(0))
    high, wide = usual.shape[-2:]
    scaled = most.apply(stack, torch.tensor([high, wide], dtype=torch.float32))
    assert scaled.shape[-2:] == (28, 46)
    torch.testing.assert_close(scaled[..., :high, :wide], usual, rtol=1e-4, atol=1e-2)
    more = min(28 - high, high - 1)
    beyond = scaled[..., high : high + more, :wide]
    torch.testing.assert_close(
        beyond, usual[..., high - 1 - more : high - 1, :].flip(-2), rtol=1e-4, atol=1e-2
    )


def test_scaled_pictures_are_of_one_size_whatever_was_drawn_and_have_a_gradient():
    transform, rng = scale(0.3, 1.9), np.random.RandomState(0)
    for _ in range(5):
        leaf = pictures().requires_grad_()
        drawn = transform.draw(rng, (17, 26))
        moved = transform.apply(leaf, drawn)
        assert moved.shape == (2, 5, 32, 49)
        (gradient,) = torch.autograd.grad(moved.sum(), leaf)
        assert float(gradient.min()) > 0
        assert float(gradient.sum()) == pytest.approx(moved.numel(), rel=1e-3)


def test_what_is_drawn_is_of_one_shape_whatever_it_is():
    for transform in (jitter(9), scale(0.5, 2), rotate(20), blur(0, 3), noise(0, 2), flip(), crop(4)):
        rng = np.random.RandomState(0)
        shapes = {tuple(transform.draw(rng, (17, 26)).shape) for _ in range(20)}
        assert len(shapes) == 1


def test_weights_of_a_blur_that_is_narrower_than_the_widest_stand_in_the_middle():
    drawn = blur(0.5, 2).draw(np.random.RandomState(0), (9, 9))
    assert drawn.shape == (17,)
    assert torch.equal(drawn, drawn.flip(0))
    assert float(drawn.sum()) == pytest.approx(1)
    assert F.pad(drawn[6:11], (6, 6)).shape == drawn.shape
