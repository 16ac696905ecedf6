"""Dreams on disk from the command line."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from batcountry.cli import main

pytest.importorskip("pyvips", reason="needs pyvips, which the extra `big` brings")

SHORT = ["--layer", "blocks.2", "--octaves", "1", "--iterations", "2"]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command in an empty folder with a picture; gives its code, output and errors."""
    monkeypatch.chdir(tmp_path)
    noise = np.random.RandomState(0).uniform(0, 255, (10, 15, 3)).astype(np.uint8)
    Image.fromarray(noise).resize((150, 100), Image.Resampling.BICUBIC).save("photo.png")

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bat-country", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        said = capsys.readouterr()
        return int(stop.value.code or 0), said.out, said.err

    return call


def test_memory_and_time_are_said_before_a_dream(run):
    code, out, err = run("dream", "photo.png", *SHORT)
    assert code == 0
    assert "the dream is in dream-photo.png" in out
    assert re.search(r"[MG]B of memory and \d+ (s|min|h)", err)


@pytest.fixture
def too_large(monkeypatch):
    """Have no picture fit in memory."""
    monkeypatch.setattr("batcountry.jobs.dream_specs.fits_in_memory", lambda size, recipe: False)


@pytest.mark.parametrize("fits", [True, False])
def test_work_keeps_a_folder_that_says_it_is_done(run, request, fits):
    if not fits:
        request.getfixturevalue("too_large")
    code, _, err = run("dream", "photo.png", *SHORT, "--work", "run", "--tile", "64", "-o", "out.tif")
    assert code == 0
    assert ("of disk in run" in err) is not fits
    code, _, err = run("resume", "run")
    assert code == 2
    assert "is finished; it is in" in err


@pytest.mark.parametrize("fits", [True, False])
def test_a_dream_with_work_that_was_stopped_is_gone_on_with_and_is_the_same(run, request, monkeypatch, fits):
    from batcountry.jobs.job_run import Run

    if not fits:
        request.getfixturevalue("too_large")
    assert run("dream", "photo.png", *SHORT, "-o", "whole.png")[0] == 0
    remember = Run._remember

    def pressed(self, step):
        remember(self, step)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Run, "_remember", pressed)
        code, out, err = run("dream", "photo.png", *SHORT, "--work", "run", "-o", "parts.png")
    assert (code, out) == (130, "") and "; go on with: bat-country resume run" in err
    assert not Path("parts.png").exists() and not Path("parts-stopped.png").exists()
    code, out, err = run("resume", "run")
    assert code == 0 and "parts.png" in out, err
    assert Path("parts.png").read_bytes() == Path("whole.png").read_bytes()


def test_pictures_that_do_not_fit_are_dreamed_on_disk_and_nothing_is_left(run, too_large):
    code, _, err = run("dream", "photo.png", *SHORT)
    assert code == 0
    assert "of disk in" in err
    assert sorted(each.name for each in Path().iterdir()) == ["dream-photo.png", "photo.png"]


def test_the_recipe_of_a_dream_on_disk_is_read_back_and_used_again(run, too_large, monkeypatch):
    run("dream", "photo.png", *SHORT, "--work", "run", "-o", "out.tif")
    code, out, _ = run("info", "out.tif", "--json")
    assert code == 0
    assert '"layer": "blocks.2"' in out
    assert run("again", "out.tif")[0] == 0
    with Image.open("out.tif") as first, Image.open("out-again.tif") as second:
        assert np.abs(np.float32(first) - np.float32(second)).mean() < 0.5


@pytest.mark.parametrize("where", [[], ["--work", "run"]])
def test_deepzoom_says_which_page_to_open(run, where):
    code, out, _ = run("dream", "photo.png", *SHORT, "--deepzoom", "zoom", *where)
    assert code == 0
    assert "open zoom/index.html to zoom in it" in out
    assert Path("zoom/dream_files/8/0_0.jpg").is_file()


def test_steps_on_disk_are_not_saved_and_that_is_said(run, too_large):
    code, _, err = run("dream", "photo.png", *SHORT, "--work", "run", "--save-steps", "steps")
    assert code == 2
    assert "leave --save-steps out" in err
    assert sorted(each.name for each in Path().iterdir()) == ["photo.png"]


def test_tiles_and_wrap_want_an_objective_with_places(run):
    for extra in (["--tile", "64"], ["--wrap", "xy"]):
        code, _, err = run("dream", "photo.png", "--layer", "logits", *extra)
        assert code == 2
        assert "'logits' have no place of their own" in err


def test_a_memory_that_is_none_is_one_sentence(run):
    code, _, err = run("dream", "photo.png", "--max-memory", "lots")
    assert code == 2
    assert "give a number with a unit, such as 2GB" in err


def test_a_dream_on_disk_without_pyvips_says_how_to_get_it(run, monkeypatch, too_large):
    monkeypatch.setitem(sys.modules, "pyvips", None)
    code, _, err = run("dream", "photo.png", *SHORT, "--work", "run")
    assert code == 2
    assert "pip install 'pyvips[binary]', or in a clone of bat-country: pip install '.[big]'" in err
    assert not Path("run").exists()
