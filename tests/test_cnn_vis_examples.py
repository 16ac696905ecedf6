"""cnn-vis's own examples, in this program's words, run small."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from batcountry.cli import main
from batcountry.image.files import read_note
from batcountry.recipe import Note

FOLDER = Path(__file__).parents[1] / "examples" / "cnn-vis"
SMALL = [
    "--initial-size",
    "224x230",
    "--final-size",
    "224x230",
    "--octaves",
    "1",
    "--iterations",
    "1",
    "--every",
    "1",
]
NUMBERS = range(1, 14)


@pytest.fixture(scope="module")
def picture(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("cnn-vis") / "picture.png"
    Image.fromarray(np.random.RandomState(0).randint(0, 256, (30, 40, 3)).astype(np.uint8)).save(path)
    return path


def words(number: int, surroundings: dict[str, str]) -> list[str]:
    """The command of an example as a shell takes it apart."""
    text = (FOLDER / f"example{number}.sh").read_text().replace("\\\n", " ").splitlines()[-1]
    filled = re.sub(r"\$\{(\w+):[-?][^}]*\}", lambda m: surroundings[m[1]], text).replace('"$@"', "")
    return shlex.split(filled)


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS)
def test_an_example_runs_and_says_what_it_did(googlenet, picture, number, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    places = {"GOOGLENET": str(googlenet), "PLACES": str(googlenet), "PICTURE": str(picture)}
    program, *arguments = words(number, places)
    assert program == "bat-country"
    monkeypatch.setattr(sys, "argv", [program, *arguments, *SMALL])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    recipe = Note.read(read_note(tmp_path / f"example{number}.png")).recipe
    assert recipe.windows == "input"
    assert recipe.objective.startswith("amplify(")
    assert recipe.jitter == 0


def test_every_example_of_cnn_vis_is_there():
    assert sorted(each.name for each in FOLDER.glob("*.sh")) == sorted(f"example{n}.sh" for n in NUMBERS)


def test_an_example_without_its_picture_says_what_to_set():
    surroundings = {key: value for key, value in os.environ.items() if key != "PICTURE"}
    done = subprocess.run(["sh", FOLDER / "example7.sh"], env=surroundings, capture_output=True, text=True)
    assert done.returncode
    assert "set PICTURE to a picture" in done.stderr
