"""Numbers of a dream, printed and plotted."""

import numpy as np
import pytest
from PIL import Image

from batcountry.dreams.dreamer import Dreamer
from batcountry.dreams.history import History
from batcountry.dreams.plots import Panel, plot, ticks
from batcountry.errors import PictureError


@pytest.fixture(scope="module")
def dreamed():
    photo = np.random.RandomState(0).randint(0, 256, (37, 53, 3)).astype(np.uint8)
    dreamer = Dreamer(
        objective='layer("blocks.1") - 0.01*tv() - 2*drift()',
        octaves=2,
        iterations=3,
        param="pixels",
        octave_scale=1.3,
        precision="exact",
    )
    history = History()
    steps = []
    for step in dreamer.dreaming(photo):
        history.add(step)
        steps.append(step)
    return steps, history


def test_every_number_has_a_value_for_each_step(dreamed):
    steps, history = dreamed
    assert set(map(len, history.numbers.values())) == {6}
    assert set(map(len, history.pixels.values())) == {6}
    assert history.numbers["score"] == [step.score for step in steps]


def test_steps_are_measured_within_an_octave(dreamed):
    steps, history = dreamed
    moved = (steps[2].image - steps[1].image).abs()
    assert history.numbers["mean step"][2] == pytest.approx(float(moved.mean()))
    assert history.numbers["median step"][2] == pytest.approx(float(moved.median()))
    assert np.isnan([history.numbers["mean step"][0], history.numbers["mean step"][3]]).all()


def test_penalties_are_those_of_the_picture_before_the_step(dreamed):
    steps, history = dreamed
    tv = next(values for name, values in history.numbers.items() if name.startswith("tv("))
    x = steps[4].image[0].double().numpy()
    wanted = (x[:, :-1, :-1] - x[:, :-1, 1:]) ** 2 + (x[:, :-1, :-1] - x[:, 1:, :-1]) ** 2
    assert tv[5] == pytest.approx(wanted.sum(0).mean(), rel=1e-4)
    assert history.numbers["drift()"][0] == 0


def test_the_line_has_the_last_numbers(dreamed):
    steps, history = dreamed
    assert f"score {steps[-1].score:.4g}" in history.line()
    assert "drift()" in history.line()


def test_plots_are_pictures_with_a_panel_for_each(dreamed, tmp_path):
    _, history = dreamed
    history.save_plot(tmp_path / "losses.png")
    history.save_pixels(tmp_path / "pixels.png")
    with Image.open(tmp_path / "losses.png") as losses, Image.open(tmp_path / "pixels.png") as pixels:
        assert (losses.width, pixels.width) == (900, 900)
        assert losses.height == 5 * pixels.height // 4
    with pytest.raises(PictureError, match="no folder"):
        history.save_plot(tmp_path / "none" / "losses.png")


def test_a_line_is_drawn_where_its_values_are():
    image = np.asarray(plot([Panel("x", {"up": [0.0, 10.0]})]))
    red = (image == (0xC0, 0x30, 0x28)).all(2)
    rows, columns = np.nonzero(red)
    assert rows[columns.argmin()] > rows[columns.argmax()] + 100


@pytest.mark.parametrize(
    "values", [[], [float("nan")] * 3, [5.0], [0.0, 0.0], [1e30, -1e30], [float("inf"), 1.0]]
)
def test_odd_values_are_plotted_too(values):
    assert plot([Panel("x", {"y": values})]).size == (900, 230)


def test_ticks_are_round_and_within():
    assert ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert ticks(-0.13, 0.31) == [-0.1, 0, 0.1, 0.2, 0.3]
    assert ticks(3, 3) == [3]
