"""A tile equals the whole: the gradient in tiles is the picture's, wherever they are cut."""

from __future__ import annotations

from copy import copy
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from batcountry.errors import RecipeError
from batcountry.models import Model, open_model
from batcountry.objectives import channel, layer
from batcountry.objectives.base import objective
from batcountry.optim.ascent import classic_ascent
from batcountry.optim.gradient import SparingGradient, tiled_gradient, whole_gradient
from batcountry.optim.tile_axes import Span
from batcountry.optim.tiles import Halo, Tile
from conftest import MODELS

LAYERS = {
    "efficientnet-lite0": ("stem", "blocks.2", "blocks.5", "blocks.10", "blocks.15"),
    str(MODELS / "bvlc_googlenet"): (
        "conv1/7x7_s2",
        "pool2/3x3_s2",
        "inception_3b/output",
        "inception_4c/output",
    ),
}


@cache
def model_at(name: str, dtype: torch.dtype) -> Model:
    model = open_model(name)
    if dtype == torch.float64:
        model = copy(model)
        model.network = model.network.cast(dtype)
    return model


def distance(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm())


@st.composite
def cuts(draw):
    name = draw(st.sampled_from(sorted(LAYERS)))
    return {
        "name": name,
        "layer": draw(st.sampled_from(LAYERS[name])),
        "size": (draw(st.integers(65, 200)), draw(st.integers(65, 200))),
        "side": draw(st.integers(40, 220)),
        "jitter": draw(st.integers(0, 40)),
        "seed": draw(st.integers(0, 99)),
    }


def compared(cut, dtype):
    """Return how far a tiled gradient and a tiled step are from the whole ones."""
    if cut["name"] != "efficientnet-lite0" and not MODELS.is_dir():
        pytest.skip(f"needs the BVLC GoogLeNet in {MODELS}")
    model = model_at(cut["name"], dtype)
    wanted = layer(cut["layer"]) + 0.5 * channel(cut["layer"], 3)
    # Flat parts would make ties for max pooling, which rounding may break either way.
    image = torch.from_numpy(np.random.RandomState(cut["seed"]).uniform(0, 255, (1, 3, *cut["size"]))).to(
        dtype
    )
    whole, tiled = whole_gradient(model, wanted), tiled_gradient(model, wanted, cut["side"])
    (score, gradient), (tiled_score, tiled_part) = whole(image), tiled(image)
    assert float(tiled_score) == pytest.approx(float(score), rel=1e-4 if dtype == torch.float32 else 1e-10)
    steps = [
        classic_ascent(each, 1.5, cut["jitter"], True, np.random.RandomState(cut["seed"])).step(image)[0]
        - image
        for each in (whole, tiled)
    ]
    return distance(tiled_part, gradient), distance(steps[1], steps[0])


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(cuts())
def test_tiles_give_the_whole_pictures_gradient_and_step_in_float64(cut):
    assert max(compared(cut, torch.float64)) < 1e-10


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(cuts())
def test_tiles_give_the_whole_pictures_gradient_and_step_in_float32(cut):
    assert max(compared(cut, torch.float32)) < 1e-3


def test_several_layers_keep_their_weights_in_tiles():
    model = model_at("efficientnet-lite0", torch.float64)
    wanted = layer("blocks.10") - 0.3 * layer("blocks.2") + 2 * channel("stem", 5)
    image = torch.rand(1, 3, 150, 203, dtype=torch.float64) * 255
    (score, gradient), (tiled_score, tiled) = (
        whole_gradient(model, wanted)(image),
        tiled_gradient(model, wanted, 48)(image),
    )
    assert float(tiled_score) == pytest.approx(float(score), rel=1e-10)
    assert distance(tiled, gradient) < 1e-10


def test_a_wrapped_picture_has_no_place_that_differs_from_others():
    """On a ring, moving the picture by the network's grid moves the gradient, and nothing else."""
    model = model_at("efficientnet-lite0", torch.float64)
    image = torch.rand(1, 3, 96, 128, dtype=torch.float64) * 255
    gradient = tiled_gradient(model, layer("blocks.5"), None, (True, True))
    still, moved = gradient(image)[1], gradient(torch.roll(image, (32, 48), (-2, -1)))[1]
    assert distance(torch.roll(moved, (-32, -48), (-2, -1)), still) < 1e-10


@pytest.mark.parametrize("wrap", [(False, True), (True, False), (True, True)])
@pytest.mark.parametrize("side", [32, 80])
def test_tiles_of_a_wrapped_picture_give_what_one_tile_gives(wrap, side):
    model = model_at("efficientnet-lite0", torch.float64)
    image = torch.rand(1, 3, 93, 141, dtype=torch.float64) * 255
    one, many = (tiled_gradient(model, layer("blocks.10"), each, wrap)(image)[1] for each in (None, side))
    assert distance(many, one) < 1e-10


def test_an_objective_of_the_whole_picture_cannot_be_cut(two_channels):
    total = objective("total", (), ("sum",), lambda _: lambda found: found["sum"].sum())
    with pytest.raises(RecipeError, match=r"total\(\) depends on the whole picture"):
        tiled_gradient(two_channels, total, 16)


def test_a_layer_that_sees_everything_cannot_be_cut():
    with pytest.raises(RecipeError, match="'logits' have no place of their own"):
        tiled_gradient(model_at("efficientnet-lite0", torch.float32), layer("logits"), 64)


@settings(max_examples=300, deadline=None)
@given(
    st.builds(Halo, st.integers(0, 90), st.integers(0, 90), st.sampled_from([1, 2, 8, 16])),
    st.tuples(st.integers(1, 600), st.integers(1, 600)),
    st.integers(1, 700),
    st.tuples(st.booleans(), st.booleans()),
)
def test_cores_cover_the_picture_once_in_windows_of_one_shape(halo, size, side, wrap):
    tiles = halo.tiles(size, side, wrap)
    assert len({tile.window for tile in tiles}) == 1
    assert tiles[0].window[0] * tiles[0].window[1] <= halo.largest(side)
    found = halo.seen(size, side, wrap)
    assert found.rows * found.columns == len(tiles)
    assert found.total == sum(height * width for height, width in (tile.window for tile in tiles))
    axes = (
        [tile.rows for tile in tiles[:: found.columns]],
        [tile.columns for tile in tiles[: found.columns]],
    )
    for spans, length, round_ in zip(axes, size, wrap, strict=True):
        assert [each.first for each in spans[1:]] == [each.last for each in spans[:-1]]
        assert (spans[0].first, spans[-1].last) == (0, length)
        assert all(each.start % halo.grid == 0 and each.first % halo.grid == 0 for each in spans)
        first, last = (-halo.before, length + halo.after) if round_ else (0, length)
        assert all(each.start <= max(first, each.first - halo.before) for each in spans)
        assert all(each.stop >= min(last, each.last + halo.after) for each in spans)
        if not round_:
            assert all(each.start >= 0 and each.stop <= length for each in spans)


@pytest.mark.parametrize("start", [-17, -3, 0, 4])
@pytest.mark.parametrize("length", [2, 9, 31])
def test_a_window_that_goes_round_several_times_adds_every_turn_in_order(start, length):
    columns = Span(0, 2, start, start + length, False)
    part = torch.rand(1, 3, 4, length, generator=torch.Generator().manual_seed(1))
    found, expected = torch.ones(1, 3, 7, 7), np.zeros((1, 3, 4, 7), np.float32)
    Tile(Span(0, 2, 5, 9, False), columns).add(part, found)
    np.add.at(expected, (..., np.arange(start, start + length) % 7), part.numpy())
    whole = np.ones((1, 3, 7, 7), np.float32)
    np.add.at(whole, (slice(None), slice(None), np.arange(5, 9) % 7), expected)
    assert np.array_equal(found.numpy(), whole)


def test_a_picture_that_fits_into_one_window_is_one_tile():
    halo = Halo(before=147, after=151, grid=16)
    assert len(halo.tiles((707, 707), 448)) == 1
    assert len(halo.tiles((1414, 707), 500)) == 2


def test_the_largest_side_keeps_to_the_pixels_there_are():
    halo = Halo(before=147, after=151, grid=16)
    for pixels in (150_000, 300_000, 1_500_000):
        side = halo.side(pixels)
        assert side is not None
        assert halo.largest(side) <= pixels < halo.largest(side + halo.grid)
    assert halo.side(100_000) is None


def test_running_out_of_memory_once_goes_on_in_smaller_tiles(two_channels, caplog):
    calls = []

    def whole(image, _):
        calls.append(image.shape)
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 1 TB")

    image = torch.rand(1, 3, 40, 60) * 255
    gradient = SparingGradient(whole, two_channels, layer("sum"))
    wanted = whole_gradient(two_channels, layer("sum"))(image)[1]
    for _ in range(2):
        assert distance(gradient(image)[1], wanted) < 1e-5
    assert len(calls) == 1
    assert "memory ran out; going on in tiles of 30 pixels" in caplog.text


def test_steps_kept_for_other_dreams_are_let_go_before_tiles_are_made_smaller(two_channels, caplog):
    usual, idle = whole_gradient(two_channels, layer("sum")), two_channels.idle_steps

    def whole(image, aux_inputs):
        if len(idle):
            raise MemoryError
        return usual(image, aux_inputs)

    idle.put("another dream", object())
    image = torch.rand(1, 3, 40, 60) * 255
    gradient = SparingGradient(whole, two_channels, layer("sum"))
    assert torch.equal(gradient(image)[1], usual(image)[1])
    assert gradient.halved is None and not len(idle) and not caplog.text


def test_running_out_of_memory_twice_is_said_in_one_sentence(two_channels, monkeypatch):
    def never(*_):
        raise MemoryError

    monkeypatch.setattr(two_channels.network, "run", never)
    gradient = SparingGradient(whole_gradient(two_channels, layer("sum")), two_channels, layer("sum"))
    with pytest.raises(RecipeError, match="memory ran out on a picture of 60×40 pixels"):
        gradient(torch.rand(1, 3, 40, 60))


def test_other_errors_are_not_taken_for_lack_of_memory(two_channels):
    def broken(image, _):
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        SparingGradient(broken, two_channels, layer("sum"))(torch.rand(1, 3, 8, 8))
