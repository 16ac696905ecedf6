"""The command visualize."""

import sys

import numpy as np
import pytest
from PIL import Image

from batcountry.cli import main
from batcountry.image.files import read_note
from batcountry.recipe import Note

QUICK = ["--windows", "none", "--layer", "blocks.1", "--canvas", "37x53", "--iterations", "4"]


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["bat-country", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code or 0


def test_it_writes_picture_steps_and_plots_and_prints_losses(monkeypatch, tmp_path, capsys):
    out, steps, losses, pixels = (
        tmp_path / name for name in ("out.png", "steps", "losses.png", "pixels.png")
    )
    extra = ["-o", out, "--every", 2, "--save-steps", steps, "--plot", losses, "--plot-pixels", pixels]
    assert run(monkeypatch, "visualize", *QUICK, *extra) == 0
    with Image.open(out) as picture:
        assert picture.size == (53, 37)
    assert sorted(each.name for each in steps.iterdir()) == ["size_1-step_2.png", "size_1-step_4.png"]
    assert losses.exists() and pixels.exists()
    printed = capsys.readouterr().err
    assert "iteration 2/4: score" in printed
    assert "tv(2.0" in printed and "pnorm(6.0" in printed and "median step" in printed


def test_the_recipe_inside_makes_it_again(monkeypatch, tmp_path):
    out, other = tmp_path / "out.png", tmp_path / "again.png"
    assert run(monkeypatch, "visualize", *QUICK, "--tv-step", 0.1, "--tv-every", 2, "-o", out) == 0
    recipe = Note.read(read_note(out)).recipe
    assert "growing(tv(" in recipe.objective
    assert (recipe.start, recipe.canvas, recipe.carry) == ("noise", "37x53", "picture")
    assert run(monkeypatch, "again", out, "-o", other) == 0
    assert np.array_equal(np.asarray(Image.open(out)), np.asarray(Image.open(other)))


@pytest.mark.parametrize("option", ["--plot", "--plot-pixels"])
def test_without_matplotlib_a_plot_is_refused_before_any_work(option, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "visualize", *QUICK, option, "plot.png") == 2
    assert "a plot needs matplotlib" in " ".join(capsys.readouterr().err.split())
    assert not [*tmp_path.iterdir()]


def test_it_begins_with_a_picture(monkeypatch, tmp_path, photo):
    Image.fromarray(photo).save(tmp_path / "photo.png")
    out = tmp_path / "out.png"
    arguments = [
        "--windows",
        "none",
        "--layer",
        "blocks.1",
        "--iterations",
        1,
        "--step-size",
        0.01,
        "-o",
        out,
    ]
    assert run(monkeypatch, "visualize", tmp_path / "photo.png", *arguments) == 0
    assert np.abs(np.asarray(Image.open(out)).astype(int) - photo).max() <= 1
    assert 'pnorm(6.0, 1.0, "start")' in Note.read(read_note(out)).recipe.objective


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--class", "crane"], "several classes are called 'crane'"),
        (["--class", "pizzza"], "did you mean 'pizza'"),
        (["--channel", 3, "--class", 4], "a channel or a class, not both"),
        (["--channel", 9999], "there is no channel 9999"),
        (["--tv-operator", "sobl"], "tv_operator cannot be 'sobl'"),
        (["--tv", -1], "tv cannot be"),
        (["--objective", 'layer("stem")', "--tv", 1, "--class", 3], "what --class, --tv would say"),
        (["--every", 0, "--save-steps", "steps"], "leave out --every 0"),
        (["--initial-size", "100x100"], "no room for windows of 224×224"),
        (["--plot", "losses.txt"], "cannot write losses.txt"),
        (["--start", "nois"], "did you mean 'noise'"),
        (["--layer", "blocks.99"], "no layer 'blocks.99'"),
    ],
)
def test_what_cannot_work_is_one_sentence_and_leaves_nothing(
    monkeypatch, tmp_path, capsys, arguments, message
):
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "visualize", *arguments) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
