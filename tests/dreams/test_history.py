"""Numbers of a dream, printed and plotted."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from batcountry.dreams.dreamer import Dreamer
from batcountry.dreams.history import History, line_plots
from batcountry.errors import MissingExtra, PictureError


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
        assert losses.width == pixels.width
        assert losses.height == 5 * pixels.height // 4
    with pytest.raises(PictureError, match="no folder"):
        history.save_plot(tmp_path / "none" / "losses.png")


def test_a_line_is_drawn_where_its_values_are():
    image = np.asarray(line_plots({"x": {"red": [0.0, 10.0]}}))
    rows, columns = np.nonzero((image == (0xC0, 0x39, 0x2B)).all(2))
    assert rows[columns.argmin()] > rows[columns.argmax()] + 100
    assert columns.max() > columns.min() + 500


def test_where_an_octave_begins_a_line_goes_through_all_panels():
    panels = {"x": {"red": [1.0] * 8}, "y": {"blue": [2.0] * 8}}
    plain, marked = (np.asarray(line_plots(panels, octaves)).astype(int) for octaves in ((1,), (1, 5)))
    rows, columns = np.nonzero(np.abs(marked - plain).sum(2))
    assert columns.max() - columns.min() < 10
    assert np.ptp(rows) > len(plain) / 2


@pytest.mark.parametrize(
    "values", [[], [float("nan")] * 3, [5.0], [0.0, 0.0], [1e30, -1e30], [float("inf"), 1.0]]
)
def test_odd_values_are_plotted_too(values):
    assert line_plots({"x": {"y": values}}).size == line_plots({"x": {"y": [1.0, 2.0]}}).size


def test_a_title_is_text_and_no_formula_however_long():
    line_plots({"$" + 40 * "long \\frac{ ": {"y": [1.0]}})


def test_plots_leave_nothing_behind_in_the_process():
    code = "import sys; from batcountry.dreams.history import line_plots; line_plots({'x': {'y': [1.0]}}); "
    code += "sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_matplotlib_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r"pip install matplotlib, .*'\.\[plots\]'"):
        line_plots({"x": {"y": [1.0]}})
