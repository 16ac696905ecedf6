"""What `info` says, and that the commands it prints make the same file."""

import json
import shlex
from pathlib import Path

import pytest
from PIL import Image

from batcountry import __version__, dream
from batcountry.cli.info import _facts
from batcountry.recipe import Note

QUICK = ("--octaves", "1", "--iterations", "1", "--jitter", "2")


@pytest.fixture
def photo_file(run, photo, tmp_path):
    Image.fromarray(photo).save(tmp_path / "my photo.png")


def commands_in(text):
    return [shlex.split(line)[1:] for line in text.splitlines() if line.startswith("  bat-country ")]


@pytest.mark.parametrize(
    "options",
    [
        ("--layer", "stem", "--no-clip", "--step-size", "0.5"),
        ("--objective", 'channel("blocks.3", 1) - 0.01*tv()', "--color", "keep"),
        ("--preset", "thumbnail", "--layer", "stem", "--canvas", "32x32"),
    ],
)
def test_both_commands_make_the_same_file(run, photo_file, options):
    source = () if "--preset" in options else ("my photo.png",)
    assert run("dream", *source, *options, *QUICK, "-o", "dream 1.png")[0] == 0
    code, out, _ = run("info", "dream 1.png")
    assert code == 0
    again, anew = commands_in(out)
    made = Path("dream 1-again.png")
    for words in (again, anew):
        assert run(*words)[0] == 0, words
        assert made.read_bytes() == Path("dream 1.png").read_bytes()
        made.unlink()


def test_what_differs_from_the_defaults_is_listed_with_input_hashes_and_version(run, photo_file):
    run("dream", "my photo.png", "--layer", "stem", *QUICK, "-o", "dream.png")
    out = run("info", "dream.png")[1]
    note = json.loads(run("info", "dream.png", "--json")[1])
    for part in ("my photo.png", note["input_sha256"], note["weights_sha256"], __version__):
        assert part in out
    lines = [line.split() for line in out.splitlines()]
    assert ["iterations", "1", "(default:", "10)"] in lines
    assert ["layer", "stem"] in lines
    assert not any(line[:1] == ["octave_scale"] for line in lines)


def test_a_picture_that_python_was_given_is_not_said_to_be_a_file(run, photo):
    dream(photo, octaves=1, iterations=1, layer="stem").save("dream.png")
    out = run("info", "dream.png")[1]
    assert "no file" in out and "unless Python gave the picture" in out


def test_a_film_is_told_and_made_again(run, photo_file):
    pytest.importorskip("av")
    options = ("--layer", "stem", "--pan-x", "-2", "--key", "step_size=0:1, 3:2", "--loop", "--frames", "2")
    assert run("zoom", "my photo.png", "film.gif", *options, *QUICK)[0] == 0
    code, out, _ = run("info", "film.gif")
    assert code == 0 and "key step_size  0: 1, 3: 2" in out
    for words in commands_in(out):
        assert run(*words)[0] == 0, words
        assert Path("film-again.gif").read_bytes() == Path("film.gif").read_bytes()
        Path("film-again.gif").unlink()


def test_a_picture_that_was_stopped_early_says_so():
    class Stopped(Note):
        stopped: str | None = None

    note = Stopped(
        version="1", recipe={}, input="a.png", input_sha256="0", weights_sha256="1", stopped="octave 2 of 4"
    )
    assert ("stopped", "octave 2 of 4") in _facts(note)
    assert "stopped" not in dict(_facts(note.model_copy(update={"stopped": None})))
