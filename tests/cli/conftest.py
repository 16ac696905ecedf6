"""Commands that run within the test, some with a network of two channels in place of whatever they name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PIL import Image

from batcountry.cli import main

QUICK = ["--octaves", "2", "--iterations", "2"]


@pytest.fixture
def opened(monkeypatch, two_channels):
    """The names of the networks that were opened."""
    names = []

    def open_model(source, *_, **__):
        names.append(source)
        two_channels.name, two_channels.input_size = str(source), (23, 29)
        return two_channels

    monkeypatch.setattr("batcountry.models.from_recipe.open_model", open_model)
    return names


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run the command in an empty folder; give its exit code, what it printed on stdout, and on stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["bat-country", *(str(each) for each in arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        said = capsys.readouterr()
        return code or 0, said.out, said.err

    return call


@pytest.fixture
def run_tiny(opened, run, photo):
    """Run a command in a folder with photo.png, on that network; see `run`."""
    Image.fromarray(photo).save("photo.png")
    return run


@pytest.fixture
def names():
    """Give the names of what is in a folder, sorted."""
    return lambda folder=".": sorted(each.name for each in Path(folder).iterdir())


@pytest.fixture
def stop_after(monkeypatch):
    """Have Ctrl-C pressed after so many steps of a dream in memory."""

    from batcountry.dreams.dreamer import Dreamer

    real, last = Dreamer.dreaming, [0]

    def dreaming(self, *args, **options):
        for index, step in enumerate(real(self, *args, **options)):
            if index == last[0]:
                raise KeyboardInterrupt
            yield step

    def stop(steps):
        last[0] = steps
        monkeypatch.setattr(Dreamer, "dreaming", dreaming)

    return stop
