import numpy as np
import pytest
import torch

from batcountry.objectives import layer
from batcountry.optim.ascent import UPDATE, Ascent, classic_ascent
from batcountry.optim.gradient import whole_gradient
from batcountry.optim.optimizers import Schedule, optimizer
from conftest import WEIGHTS, two_sums


def ascent(gradient, **settings):
    defaults = {"step_size": 1.5, "jitter_by": 5, "clip": True, "rng": np.random.RandomState(0)}
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

    class Rng:
        def randint(self, low, high, size):
            assert (low, high, size) == (-5, 6, 2)
            return np.array([2, -3])

    def gradient(image, _):
        seen.append(image.clone())
        return 0.0, torch.ones_like(image)

    image = torch.rand(1, 3, 37, 53)
    ascent(gradient, rng=Rng()).step(image)
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


def rolled(image, dice):
    return torch.roll(image, (1, 2), (-2, -1))


def enlarged(image, dice):
    return image.repeat(1, 1, 2, 1)


def plain(gradient, transforms=(), **more):
    """Ascent with steps of the gradient itself."""
    return Ascent(
        gradient, optimizer("ascent", Schedule(1.0), "none"), transforms, np.random.RandomState(0), **more
    )


PIXELS = torch.from_numpy(np.random.RandomState(3).uniform(20, 230, (2, 3, 5, 7)).astype(np.float32))


def test_the_gradient_goes_back_through_all_transforms_in_order():
    seen = []

    def gradient(image, beside):
        seen.append((image, dict(beside)))
        return 7.0, torch.arange(image.numel(), dtype=image.dtype).reshape(image.shape) / 100

    after, score = plain(gradient, (rolled, enlarged)).step(PIXELS)
    ((image, beside),) = seen
    assert torch.equal(image, torch.roll(PIXELS, (1, 2), (-2, -1)).repeat(1, 1, 2, 1))
    assert not image.requires_grad and beside == {}
    slope = torch.arange(image.numel(), dtype=image.dtype).reshape(image.shape) / 100
    wanted = torch.roll(slope[..., :5, :] + slope[..., 5:, :], (-1, -2), (-2, -1))
    torch.testing.assert_close(after - PIXELS, wanted)
    assert score == 7.0
    assert not after.requires_grad


def test_transforms_draw_from_the_dice_of_the_ascent():
    drawn = []
    rng = np.random.RandomState(0)
    ascent = Ascent(
        lambda image, _: (0.0, image),
        optimizer("ascent", Schedule(1.0)),
        [lambda image, dice: (drawn.append(dice), image)[1]],
        rng,
    )
    ascent.step(PIXELS)
    assert drawn == [rng]


def test_pictures_beside_are_moved_as_the_picture_is_and_have_no_gradient():
    beside = {"@x": torch.arange(35.0).reshape(1, 1, 5, 7), "@y": PIXELS * 2}
    seen = []

    def gradient(image, others):
        seen.append(others)
        return 0.0, torch.ones_like(image)

    plain(gradient, (rolled,)).on(PIXELS, beside).step()
    assert list(seen[0]) == ["@x", "@y"]
    for key, found in seen[0].items():
        assert torch.equal(found, torch.roll(beside[key], (1, 2), (-2, -1)).expand(2, -1, -1, -1))
        assert not found.requires_grad


def test_the_score_of_the_image_itself_is_added_untransformed_with_its_gradient():
    weights = torch.arange(35.0).reshape(1, 1, 5, 7)
    told = []

    def prior(activations):
        told.append({key: each.detach().clone() for key, each in activations.items()})
        return (activations["@image"] * weights).sum() + activations["@x"].sum()

    climb = plain(lambda image, _: (10.0, torch.ones_like(image)), (rolled,), prior=prior, clip=False).on(
        PIXELS, {"@x": weights}
    )
    after, score = climb.step()
    torch.testing.assert_close(after - PIXELS, (1 + weights).expand_as(PIXELS))
    assert score == pytest.approx(10 + float((PIXELS * weights).sum() + weights.sum()), rel=1e-6)
    climb.step(), climb.step()
    assert [int(each["@step"]) for each in told] == [0, 1, 2]
    assert told[0]["@step"].shape == (1,)
    assert torch.equal(told[1]["@image"], after)


def test_a_mask_holds_pixels_still_in_every_step_and_is_no_picture_beside():
    mask = torch.zeros(1, 1, 5, 7)
    mask[..., 2:4], mask[..., 4:] = 0.25, 1.0
    seen = []

    def gradient(image, others):
        seen.append(dict(others))
        return 0.0, torch.full_like(image, 4.0)

    climb = plain(gradient).on(PIXELS, {UPDATE: mask, "@x": mask})
    before = PIXELS
    for _ in range(2):
        after, _ = climb.step()
        torch.testing.assert_close(after - before, (4 * mask).expand_as(PIXELS), rtol=1e-3, atol=1e-4)
        before = after
    assert [list(each) for each in seen] == [["@x"], ["@x"]]


def test_a_mask_does_not_bring_back_what_was_clipped():
    start = torch.full((1, 3, 5, 7), 250.0)
    climb = plain(lambda image, _: (0.0, torch.full_like(image, 100.0))).on(
        start, {UPDATE: torch.full((1, 1, 5, 7), 0.5)}
    )
    assert float(climb.step()[0].max()) == 252.5


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_a_climb_works_where_the_caller_has_switched_gradients_off(context):
    with context():
        climb = plain(lambda image, _: (0.0, image * 0 + 1)).on(PIXELS)
        after, _ = climb.step()
        after, _ = climb.step()
    torch.testing.assert_close(after, PIXELS + 2)
    assert not after.is_inference()


def test_a_picture_that_was_given_stays_as_it_is_and_one_that_was_returned_too():
    given = PIXELS.clone()
    climb = plain(lambda image, _: (0.0, image * 0 + 1)).on(given)
    first, _ = climb.step()
    kept = first.clone()
    climb.step()
    assert torch.equal(given, PIXELS)
    assert torch.equal(first, kept)


def test_what_holds_the_picture_is_what_was_asked_for_with_its_constraint():
    held = []

    class Held:
        def __init__(self, image):
            self.tensors = (image.clone().requires_grad_(),)
            held.append(image)

        def image(self):
            return self.tensors[0] * 2

        def constrain(self, clip):
            held.append(clip)

    after, _ = plain(lambda image, _: (0.0, torch.ones_like(image)), clip=False, param=Held).step(PIXELS)
    assert torch.equal(held[0], PIXELS) and held[1] is False
    torch.testing.assert_close(after, PIXELS * 2 + 4)


def test_without_more_said_pixels_are_kept_within_0_to_255():
    after, _ = plain(lambda image, _: (0.0, torch.full_like(image, 500.0))).step(PIXELS)
    assert (after == 255).all()
