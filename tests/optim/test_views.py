"""Several views of the picture in each step."""

import numpy as np
import pytest
import torch

import batcountry
from batcountry.dreams.dreamer import Dreamer
from batcountry.errors import RecipeError
from batcountry.objectives import channel, layer
from batcountry.objectives.views import share_of_views
from batcountry.optim import transforms
from batcountry.optim.gradient import whole_gradient
from batcountry.optim.transforms import jitter
from batcountry.optim.views import SparingViews, gradient_of_views, seen_views

PLAIN = {"param": "pixels", "normalize": "none", "octaves": 1, "iterations": 1, "clip": False}
MOVES = "rotate(20), noise(4, 9)"


def last(image, model, **options):
    """The last step of a dream, whose gradient is the picture's change."""
    return list(batcountry.dreaming(image, model=model, step_size=1.0, **{**PLAIN, **options}))[-1]


def levels(photo):
    return torch.from_numpy(np.float32(photo)).permute(2, 0, 1)[None]


def by_hand(photo, model, aim, views, moves, seed=7):
    """Mean score and gradient over views, each worked out alone, drawn one after the other."""
    rng, scores, total = np.random.RandomState(seed), [], 0
    for _ in range(views):
        leaf = levels(photo).requires_grad_()
        seen = leaf
        for move in (jitter(5), *transforms.parse(moves)):
            seen = move(seen, rng)
        score, gradient = whole_gradient(model, aim)(seen.detach())
        scores.append(float(score))
        total = total + torch.autograd.grad(seen, leaf, gradient)[0].double()
    return np.mean(scores), (total / views).numpy()


@pytest.mark.parametrize("moves", [MOVES, f"scale(0.8, 1.2), {MOVES}"], ids=["one size", "sizes"])
@pytest.mark.parametrize("view_batch", [None, 1, 2])
def test_a_step_follows_the_mean_of_the_gradients_of_its_views(photo, two_channels, moves, view_batch):
    aim = layer("sum") - 0.5 * channel("mean", 1) + 3
    step = last(
        photo, two_channels, objective=aim, views=5, view_batch=view_batch, jitter=5, transforms=moves, seed=7
    )
    score, gradient = by_hand(photo, two_channels, aim, 5, moves)
    assert step.score == pytest.approx(score, rel=1e-5)
    change = (step.image - levels(photo)).numpy()
    np.testing.assert_allclose(change, gradient, atol=2e-4 * np.abs(gradient).max())


def test_the_step_is_the_gradient_of_the_mean_score(photo, two_channels):
    options = {"objective": layer("sum"), "views": 3, "jitter": 5, "transforms": MOVES, "seed": 7}
    start = levels(photo)
    gradient = last(photo, two_channels, **options).image - start
    direction = torch.from_numpy(np.random.RandomState(1).randn(*start.shape)).float()

    def mean_score(picture):
        return by_hand(picture[0].permute(1, 2, 0).numpy(), two_channels, layer("sum"), 3, MOVES)[0]

    slope = (mean_score(start + direction) - mean_score(start - direction)) / 2  # it is quadratic
    assert float((gradient.double() * direction).sum()) == pytest.approx(slope, rel=2e-3)


def test_one_view_is_the_step_as_it_is_without(photo, two_channels):
    options = {"layer": "sum", "jitter": 5, "transforms": MOVES, "iterations": 3}
    one, plain = last(photo, two_channels, **options, views=1), last(photo, two_channels, **options)
    assert torch.equal(one.image, plain.image)
    assert one.score == plain.score


def test_several_pictures_each_follow_their_own_views(photo, two_channels):
    other = photo[::-1].copy()
    options = {"layer": "sum", "jitter": 5, "transforms": MOVES, "views": 3, "iterations": 2}
    both = last([photo, other], two_channels, **options)
    for index, image in enumerate((photo, other)):
        alone = last(image, two_channels, **options)
        torch.testing.assert_close(both.image[index : index + 1], alone.image, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_objectives_that_compare_pictures_compare_those_of_one_view(photo, two_channels, batch):
    from batcountry.objectives import parse

    aim = parse('channel("sum", 0) - 2*diversity("sum")')
    images = torch.cat([levels(photo), levels(photo).flip(3)])
    stack = torch.cat(seen_views(images, [jitter(5)], np.random.RandomState(2), 3))
    whole = gradient_of_views(whole_gradient(two_channels, share_of_views(aim, 2, 3)), 2 * batch, 6)
    score, gradient = whole(stack)
    wanted = [whole_gradient(two_channels, aim)(stack[at : at + 2]) for at in (0, 2, 4)]
    assert float(score) == pytest.approx(sum(float(each) for each, _ in wanted) / 3, rel=1e-5)
    torch.testing.assert_close(gradient, torch.cat([each for _, each in wanted]) / 3, rtol=1e-4, atol=1e-6)


def test_each_of_several_objectives_moves_its_own_picture(two_channels):
    aims = ['channel("sum", 0)', 'channel("sum", 1)']
    options = {"model": two_channels, "preset": None, "canvas": "24x31", "iterations": 2, "jitter": 3}
    both = batcountry.visualize(aims, views=3, **options)
    for aim, picture in zip(aims, both, strict=True):
        (alone,) = batcountry.visualize([aim], views=3, **options)
        assert np.abs(alone.pixels - picture.pixels).max() < 0.01


def test_masks_and_pictures_beside_move_with_each_view(photo, two_channels, tmp_path):
    from PIL import Image

    ramp = np.tile(np.uint8(np.linspace(0, 255, 53)), (37, 1))
    Image.fromarray(ramp).save(tmp_path / "mask.png")
    aim = f'region("{tmp_path}/mask.png", layer("sum")) - 0.1*drift("sum")'
    moves = "rotate(0)"
    options = {
        "objective": aim,
        "views": 4,
        "jitter": 5,
        "transforms": moves,
        "mask": str(tmp_path / "mask.png"),
    }
    step = last(photo, two_channels, **options)
    parts = last(photo, two_channels, **options, view_batch=1)
    torch.testing.assert_close(step.image, parts.image, rtol=1e-5, atol=1e-3)
    change = (step.image - levels(photo)).abs()
    assert change[..., 0].max() == 0  # where the mask is black
    assert change[..., -1].max() > 0


@pytest.mark.parametrize("options", [{"tile": 16}, {"wrap": "xy"}, {"tile": 16, "wrap": "x"}])
def test_tiles_and_wrapping_give_the_whole_pictures_mean(photo, two_channels, options):
    common = {"layer": "sum", "views": 3, "jitter": 5}
    whole, cut = last(photo, two_channels, **common), last(photo, two_channels, **common, **options)
    if options.get("wrap"):
        whole = last(photo, two_channels, **common, wrap=options["wrap"], tile=0)
    torch.testing.assert_close(cut.image, whole.image, rtol=1e-5, atol=1e-2)


def test_windows_are_seen_in_views_too(photo, two_channels):
    common = {"layer": "sum", "windows": "16x16", "views": 3, "jitter": 5}
    one, many = (last(photo, two_channels, **common, window_batch=count) for count in (1, 64))
    torch.testing.assert_close(one.image, many.image, rtol=1e-5, atol=1e-2)
    assert not torch.equal(one.image, last(photo, two_channels, **{**common, "views": 1}).image)


def test_a_dream_goes_on_from_a_checkpoint_with_the_same_views(photo, two_channels):
    dreamer = Dreamer(
        model=two_channels,
        **{**PLAIN, "iterations": 4},
        layer="sum",
        views=3,
        transforms=MOVES,
        redirect_relu=2,
    )
    steps = list(dreamer.dreaming(photo))
    for step in dreamer.dreaming(photo):
        if step.iteration == 1:
            kept = step.checkpoint()
            break
    assert torch.equal(list(dreamer.dreaming(photo, checkpoint=kept))[-1].image, steps[-1].image)


def test_what_was_chosen_for_views_stands_in_the_note(photo, two_channels):
    picture = batcountry.dream(photo, model=two_channels, octaves=1, iterations=1, views=4)
    assert '"view_batch":4' in picture.note.replace(" ", "")


def test_a_batch_of_views_needs_views(photo, two_channels):
    with pytest.raises(RecipeError, match="view_batch is for several views"):
        batcountry.dream(photo, model=two_channels, view_batch=2)


def test_fewer_views_go_at_once_when_memory_runs_out():
    sizes = []

    def tight(image, aux_inputs):
        sizes.append(len(image))
        if len(image) > 3:
            raise MemoryError
        return image.sum(), 2 * image

    images = torch.arange(8.0).reshape(8, 1, 1, 1)
    sparing = SparingViews(tight, 1)
    score, gradient = sparing(images)
    assert (float(score), gradient.flatten().tolist()) == (28.0, [2.0 * each for each in range(8)])
    assert sizes == [8, 4, 2, 2, 2, 2]
    sparing(images)
    assert sizes[6:] == [2, 2, 2, 2]
    with pytest.raises(MemoryError):
        SparingViews(tight, 4)(images)


@pytest.mark.parametrize("options", [{}, {"view_batch": 1}, {"redirect_relu": 1}], ids=str)
def test_steps_on_buffers_that_stay_see_the_same_views(photo, options):
    from batcountry.backend.graphs import steps_run

    dreamer = Dreamer(
        layer="blocks.1", octaves=2, iterations=3, views=3, transforms=MOVES, jitter=5, **options
    )
    made = {}
    for kind in ("plain", "static"):
        with steps_run(kind):
            made[kind] = list(dreamer.dreaming(photo))[-1]
    torch.testing.assert_close(made["static"].image, made["plain"].image, rtol=1e-4, atol=0.05)
    assert float(made["static"].score) == pytest.approx(float(made["plain"].score), rel=1e-3)
