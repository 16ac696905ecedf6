"""Penalties on the image, against numbers worked out in NumPy."""

import numpy as np
import pytest
import torch
from scipy import ndimage

import batcountry
from batcountry.errors import RecipeError
from batcountry.objectives import (
    IMAGE,
    START,
    STEP,
    drift,
    grain,
    growing,
    layer,
    parse,
    pnorm,
    recolor,
    region,
    tv,
)
from batcountry.objectives.base import objective
from batcountry.optim.ascent import Ascent
from batcountry.optim.aux_inputs import Pictures
from batcountry.optim.optimizers import Schedule, optimizer
from conftest import two_sums

rng = np.random.RandomState(6)
PICTURE = rng.uniform(0, 255, (1, 3, 11, 17))
BEGUN = rng.uniform(0, 255, (1, 3, 11, 17))


def scored(aim, model, picture=PICTURE, start=BEGUN, step=0):
    """Score and gradient in double precision."""
    image = torch.from_numpy(picture).requires_grad_()
    masks = {key: each.double() for key, each in Pictures(aim).at(image.detach()).items() if key != START}
    seen = {IMAGE: image, START: torch.from_numpy(start), STEP: torch.tensor(step), **masks}
    score = aim.bind(model)(seen)
    return float(score.detach()), torch.autograd.grad(score, image)[0].numpy()


def slopes(x, operator):
    """cnn-vis's three gradient operators."""
    if operator == "naive":
        return x[:, :, :-1, :-1] - x[:, :, :-1, 1:], x[:, :, :-1, :-1] - x[:, :, 1:, :-1]
    squish = operator == "sobel_squish"
    rows, columns = x.shape[2:]
    dx, dy = np.zeros((1, 3, rows - 2, columns - 2)), np.zeros((1, 3, rows - 2, columns - 2))
    for i, weight in enumerate((1, 2, 1)):
        end = 1 if squish else 2
        dx += weight * (x[:, :, i : rows - 2 + i, end : columns - 2 + end] - x[:, :, i : rows - 2 + i, :-2])
        dy += weight * (
            x[:, :, end : rows - 2 + end, i : columns - 2 + i] - x[:, :, :-2, i : columns - 2 + i]
        )
    return dx, dy


@pytest.mark.parametrize("operator", ["naive", "sobel", "sobel_squish"])
@pytest.mark.parametrize(("beta", "scale"), [(2.0, 1.0), (2.5, 1.0), (1.0, 50.0)])
def test_total_variation_is_cnn_vis_formula(two_channels, operator, beta, scale):
    dx, dy = slopes(PICTURE / scale, operator)
    wanted = np.maximum(dx**2 + dy**2, 1e-3) ** (beta / 2)
    assert scored(tv(beta, operator, scale), two_channels)[0] == pytest.approx(wanted.sum(1).mean())


@pytest.mark.parametrize("beta", [1.0, 2.5])
def test_the_gradient_of_total_variation_is_cnn_vis_own(two_channels, beta):
    picture = PICTURE.copy()
    picture[..., :6, :9] = 100 + 1e-3 * picture[..., :6, :9]  # nearly flat, below the least slope
    dx, dy = slopes(picture, "naive")
    inner = beta / 2 * np.maximum(dx**2 + dy**2, 1e-3) ** (beta / 2 - 1)
    wanted = np.zeros_like(picture)
    wanted[..., :-1, :-1] += 2 * (dx + dy) * inner
    wanted[..., :-1, 1:] -= 2 * dx * inner
    wanted[..., 1:, :-1] -= 2 * dy * inner
    np.testing.assert_allclose(
        scored(tv(beta), two_channels, picture)[1] * 160, wanted, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize(("p", "scale"), [(6.0, 10.0), (2.0, 1.0), (1.0, 3.0), (8.0, 100.0)])
@pytest.mark.parametrize("to", ["zero", "start"])
def test_the_p_norm_is_cnn_vis_formula(two_channels, p, scale, to):
    two_channels.mean = (123.0, 117.0, 104.0)
    away = PICTURE - (np.reshape(two_channels.mean, (1, 3, 1, 1)) if to == "zero" else BEGUN)
    score, gradient = scored(pnorm(p, scale, to), two_channels)
    assert score == pytest.approx((np.abs(away / scale) ** p).sum(1).mean())
    wanted = p / scale * np.sign(away / scale) * np.abs(away / scale) ** (p - 1)
    np.testing.assert_allclose(gradient * 187, wanted, rtol=1e-6)


@pytest.mark.parametrize("width", [0.5, 1.5, 9.0])
def test_grain_is_the_distance_to_a_gaussian_blur(two_channels, width):
    reach = int(np.ceil(3 * width))
    soft = ndimage.gaussian_filter(PICTURE, (0, 0, width, width), mode="nearest", radius=reach)
    score, gradient = scored(grain(width), two_channels)
    assert score == pytest.approx(((PICTURE - soft) ** 2).sum(1).mean() / 2)
    np.testing.assert_allclose(gradient * 187, PICTURE - soft, atol=1e-9)


def test_drift_is_the_squared_distance_from_the_start(two_channels):
    assert scored(drift(), two_channels)[0] == pytest.approx(((PICTURE - BEGUN) ** 2).mean())


def test_drift_of_features_reads_the_layer(two_channels):
    image, start = torch.from_numpy(PICTURE).float(), torch.from_numpy(BEGUN).float()
    seen = {**two_channels.activations(image, ("sum",)), START: start}
    wanted = ((two_sums(PICTURE) - two_sums(BEGUN)) ** 2).mean()
    assert float(drift("sum").bind(two_channels)(seen)) == pytest.approx(wanted, rel=1e-4)


def oklab(picture):
    """Ottosson's formulas, pixel by pixel, as published."""
    share = picture / 255
    r, g, b = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)[0]
    cones = [
        np.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b),
        np.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b),
        np.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b),
    ]
    rows = [
        [0.2104542553, 0.793617785, -0.0040720468],
        [1.9779984951, -2.428592205, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.808675766],
    ]
    return np.array([sum(w * c for w, c in zip(row, cones, strict=True)) for row in rows])


def test_recoloring_of_chroma_leaves_light_and_shade_free(two_channels):
    ours, theirs = oklab(PICTURE), oklab(BEGUN)
    wanted = ((ours - theirs)[1:] ** 2).sum(0).mean() * 255**2
    assert scored(recolor(), two_channels)[0] == pytest.approx(wanted, rel=1e-5)


def test_recoloring_of_the_palette_compares_mean_and_spread(two_channels):
    ours, theirs = (oklab(each).reshape(3, -1) for each in (PICTURE, BEGUN))
    wanted = sum((f(ours, 1) - f(theirs, 1)) ** 2 for f in (np.mean, np.std)).sum() * 255**2
    assert scored(recolor("palette"), two_channels)[0] == pytest.approx(wanted, rel=1e-5)


def test_black_has_a_finite_gradient(two_channels):
    for what in ("chroma", "palette"):
        assert np.isfinite(
            scored(recolor(what), two_channels, picture=np.zeros((1, 3, 5, 7)), start=PICTURE[..., :5, :7])[1]
        ).all()


def test_a_growing_penalty_may_grow_in_every_step_and_is_the_first_where_there_are_none(two_channels):
    alone = scored(tv(), two_channels)[0]
    aim = growing(tv(), 0.5, 0.25, 1)
    assert [scored(aim, two_channels, step=step)[0] for step in (0, 1, 3)] == pytest.approx(
        [0.5 * alone, 0.75 * alone, 1.25 * alone]
    )
    assert float(aim.bind(two_channels)({IMAGE: torch.from_numpy(PICTURE)})) == pytest.approx(0.5 * alone)


def test_what_grows_is_told_of_the_network(two_channels):
    told = []

    def bind(model):
        told.append(model)
        return lambda seen: seen[IMAGE].mean((1, 2, 3))

    scored(growing(objective("own", (), (), bind), 1, 1), two_channels)
    assert told == [two_channels]


def test_each_pictures_palette_is_its_own(two_channels):
    ((_, term),) = recolor("palette").terms
    pictures = np.concatenate([PICTURE, PICTURE * 0.3])
    begun = np.concatenate([BEGUN, BEGUN])

    def away(image, start):
        seen = {IMAGE: torch.from_numpy(image), START: torch.from_numpy(start)}
        return term.bind(two_channels)(seen).numpy()

    alone = [float(away(each[None], BEGUN)[0]) for each in pictures]
    assert alone[1] > 2 * alone[0]
    np.testing.assert_allclose(away(pictures, begun), alone)


def test_a_growing_penalty_takes_its_steps(two_channels):
    once = scored(tv(), two_channels)[0]
    aim = growing(tv(), 0.5, 0.1, 50)
    found = [scored(aim, two_channels, step=step)[0] / once for step in (0, 49, 50, 149, 150)]
    assert found == pytest.approx([0.5, 0.5, 0.6, 0.7, 0.8])
    assert parse(str(aim)) == aim


def test_a_climb_counts_its_steps_for_penalties_that_grow():
    seen = []

    def prior(activations):
        seen.append(int(activations[STEP]))
        return activations[IMAGE].sum() * 0

    ascent = Ascent(
        lambda image, _: (0.0, image * 0), optimizer("ascent", Schedule(1.0)), (), np.random, prior=prior
    )
    for _ in range(2):
        climb = ascent.on(torch.zeros(1, 3, 5, 7))
        climb.step(), climb.step()
    assert seen == [0, 1, 0, 1]


def test_only_what_reads_no_layer_can_grow():
    with pytest.raises(RecipeError, match=r'layer\("a"\) reads a layer'):
        growing(tv() + layer("a"), 1, 1)


@pytest.mark.parametrize("aim", [tv(), tv(operator="sobel"), pnorm(), grain(), drift(), recolor()])
def test_masks_weigh_local_penalties_too(two_channels, aim):
    mask = np.zeros((11, 17, 3), np.uint8)
    mask[:, 9:] = 255
    _, gradient = scored(region(mask, aim), two_channels)
    assert not gradient[..., :6].any()
    assert gradient[..., 13:].any()


@pytest.mark.parametrize(
    "aim", [tv(1.5, "sobel", 2), pnorm(4, 2, "start"), grain(2), drift("a"), recolor("palette")]
)
def test_penalties_are_read_back_from_their_text(aim):
    assert parse(str(-0.5 * aim)) == -0.5 * aim


@pytest.mark.parametrize(
    "text",
    [
        'tv(operator="soble")',
        "tv(beta=0)",
        "pnorm(40)",
        'pnorm(to="end")',
        "grain(0)",
        "growing(tv(), 1, 1, 0)",
    ],
)
def test_values_out_of_range_are_pointed_at(text):
    with pytest.raises(RecipeError, match="character 1 "):
        parse(text)


@pytest.mark.parametrize(
    ("penalty", "measure"), [("0.1*tv()", tv()), ("0.5*drift()", drift()), ("0.1*recolor()", recolor())]
)
def test_a_penalty_holds_a_dream_back(photo, two_channels, penalty, measure):
    def dreamed(objective):
        found = batcountry.dream(photo, objective=objective, octaves=2, iterations=6, jitter=8)
        return scored(
            measure,
            two_channels,
            *(
                each.pixels.astype(float).transpose(2, 0, 1)[None]
                for each in (found, batcountry.read_picture(photo))
            ),
        )[0]

    assert dreamed(f'0.001*layer("blocks.2") - {penalty}') < dreamed('0.001*layer("blocks.2")')


def test_a_dream_with_penalties_alone_is_refused(photo):
    with pytest.raises(RecipeError, match="reads no layer"):
        batcountry.dreaming(photo, objective="-1*tv()")
