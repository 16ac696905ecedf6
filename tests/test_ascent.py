import numpy as np
import pytest
import torch

from batcountry.ascent import classic_ascent
from batcountry.gradient import whole_gradient
from batcountry.objectives import layer
from conftest import WEIGHTS, two_sums


def ascent(gradient, **settings):
    defaults = {"step_size": 1.5, "jitter_by": 5, "clip": True, "dice": np.random.RandomState(0)}
    return classic_ascent(gradient, **{**defaults, **settings})


def test_a_step_changes_the_picture_by_the_step_size_on_average():
    random = torch.Generator().manual_seed(1)
    gradient = torch.randn(1, 3, 37, 53, generator=random)
    before = torch.full((1, 3, 37, 53), 128.0)
    after, _ = ascent(lambda *_: (0.0, gradient)).step(before)
    assert float((after - before).abs().mean()) == pytest.approx(1.5, rel=1e-5)


def test_jitter_is_undone_after_the_step():
    marked = torch.zeros(1, 3, 37, 53)
    marked[..., 11, 23] = 100.0
    after, _ = ascent(lambda image, _: (0.0, image), clip=False).step(marked)
    assert (after[..., 11, 23] > 100).all()
    assert int((after != 0).sum()) == 3


def test_the_shift_along_x_is_drawn_before_the_one_along_y():
    seen = []

    class Dice:
        def randint(self, low, high, size):
            assert (low, high, size) == (-5, 6, 2)
            return np.array([2, -3])

    def gradient(image, _):
        seen.append(image.clone())
        return 0.0, torch.ones_like(image)

    image = torch.rand(1, 3, 37, 53)
    ascent(gradient, dice=Dice()).step(image)
    assert torch.equal(seen[0], torch.roll(image, (-3, 2), (-2, -1)))


def test_a_network_that_gives_no_gradient_leaves_the_picture_as_it_is():
    image = torch.rand(1, 3, 7, 11) * 255
    after, _ = ascent(lambda x, _: (0.0, torch.zeros_like(x))).step(image)
    assert torch.equal(after, image)


@pytest.mark.parametrize("clip", [True, False])
def test_clipping_keeps_to_0_and_255_only_when_asked(clip):
    image = torch.full((1, 3, 7, 11), 254.9)
    after, _ = ascent(lambda x, _: (0.0, torch.ones_like(x)), clip=clip).step(image)
    assert float(after.max()) == pytest.approx(255.0 if clip else 256.4)


def test_ascent_raises_the_score(two_channels):
    climb = ascent(whole_gradient(two_channels, layer("sum")))
    image = torch.rand(1, 3, 37, 53) * 100
    image, first = climb.step(image)
    for _ in range(4):
        image, score = climb.step(image)
    assert score > first


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_the_gradient_is_found_where_the_caller_has_switched_gradients_off(two_channels, context):
    image = np.random.RandomState(2).uniform(0, 255, (1, 3, 5, 7))
    with context():
        score, gradient = whole_gradient(two_channels, layer("sum"))(torch.from_numpy(image))
    sums = two_sums(image)
    assert score == pytest.approx((sums**2).mean())
    # d/dx of the mean over 2·35 values of the squares
    wanted = 2 * np.einsum("nkhw,kc->nchw", sums, WEIGHTS) / 70
    np.testing.assert_allclose(gradient.numpy(), wanted, rtol=1e-6)
