"""What the commands' help shows, and what they all take."""

import os
import re
import shlex
import subprocess
import sys

import pytest
from typer.main import get_command

from batcountry import __version__
from batcountry.cli import application
from batcountry.cli.completing import model_names
from batcountry.cli.examples import EXAMPLES
from batcountry.recipe import Recipe
from batcountry.recipe.fields import GROUPS

FIRST = ["output", "layer", "preset", "size", "model", "guide", "objective", "strength", "iterations", "seed"]


def commands(group=None, prefix=""):
    found = {}
    for name, command in (group or get_command(application())).commands.items():
        if hasattr(command, "commands"):
            found |= commands(command, f"{prefix}{name} ")
        else:
            found[prefix + name] = command
    return found


def panels(text):
    """Titles of the panels, and the options in each."""
    found = {}
    for line in text.splitlines():
        if line.startswith("╭─"):
            title = line.strip("╭─╮ ")
            found[title] = []
        elif line.startswith("│ --"):
            found[title].append(line.split()[1])
    return found


def test_dreams_help_has_ten_options_first_and_the_others_by_what_they_are_for(run):
    code, out, _ = run("dream", "--help")
    shown = panels(out)
    assert code == 0
    assert list(shown) == ["Arguments", "Options", *(g for g in GROUPS if g in shown)]
    assert shown["Options"] == [*(f"--{name}" for name in FIRST), "--quiet", "--help"]
    for name in Recipe.model_fields:
        flag = "--no-clip" if name == "clip" else f"--{name.replace('_', '-')}"
        assert sum(flag in options for options in shown.values()) == 1, name


@pytest.mark.parametrize("columns", [80, 100, 140])
def test_help_fits_into_the_terminal_with_every_option_whole(run, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    for command in ("dream", "zoom", "visualize"):
        out = run(command, "--help")[1]
        assert max(map(len, out.splitlines())) <= columns
        assert "…" not in out.replace("times.json …", "")
        assert "--iterations " in out


def test_choices_defaults_and_where_to_read_on_are_in_the_help(run):
    text = re.sub(r"[\s│]+", " ", run("dream", "--help")[1])
    for part in (
        "One of decorrelated, pixels, fourier, soft-fourier, maco.",
        "One of ascent, adam, rmsprop, rmsprop-cnn-vis.",
        "std, rms, nothing (none), or bands",
        "See `bat-country layers`.",
        "See `bat-country models`.",
        "sky, noise(scale=10, blur=1), pink or gray",
        "classic, class, class-small",
        "(default: 1.4)",
    ):
        assert part in text


def test_every_command_has_examples_that_it_takes():
    found = commands()
    assert set(EXAMPLES) == {"", *found}
    for name, command in found.items():
        for line, what in EXAMPLES[name]:
            words = shlex.split(line)
            assert words[: 1 + len(name.split())] == ["bat-country", *name.split()] and what
            context = command.make_context(name, words[1 + len(name.split()) :])
            assert context.command is command


def test_examples_are_below_the_options(run):
    out = run("bulk", "-h")[1]
    assert out.index("─ Memory ─") < out.index(EXAMPLES["bulk"][0][0])


@pytest.mark.parametrize("command", list(commands()))
def test_a_misspelt_option_gets_the_nearest_and_the_help_of_its_command(run, command):
    code, out, err = run(*command.split(), "--quiett")
    assert code == 2 and not out and err.count("\n") == 1
    assert "did you mean '--quiet'" in err
    assert f"See bat-country {command} --help" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dream", "--octave", "3"], "did you mean '--octaves'"),
        (["dream", "--no-clp"], "did you mean '--no-clip'"),
        (["dream", "--seed"], "see bat-country dream --help"),
        (["bulk"], "see bat-country bulk --help"),
        (["drem"], "Did you mean 'dream'"),
        (["models", "sho"], "Did you mean 'show'"),
        (["layers", "--model", "net"], "give MODEL alone, as in bat-country layers MODEL"),
        (["models", "get", "--names=x"], "give NAME alone, as in bat-country models get NAME"),
        (["--verson"], "did you mean '--version'? See bat-country --help"),
    ],
)
def test_what_cannot_be_parsed_is_one_line(run, arguments, said):
    code, out, err = run(*arguments)
    assert code == 2 and not out and err.count("\n") == 1
    assert said in err


def test_yes_and_no_are_both_taken_and_the_help_shows_what_changes_something(run):
    out = run("dream", "--help")[1]
    assert "--no-clip" in out and "--clip " not in out
    assert "--alpha" in out and "--no-alpha" not in out
    for flag in ("--clip", "--no-alpha"):
        code, _, err = run("dream", flag, "nowhere.png")
        assert code == 2 and "nowhere.png" in err


def test_the_version_is_printed(run):
    assert run("--version") == (0, f"bat-country {__version__}\n", "")


TINY = ("dream", "--size", "32", "--octaves", "1", "--iterations", "1", "-o", "dream.png")


@pytest.mark.parametrize("arguments", [("-q", *TINY), (*TINY, "--quiet")])
def test_quiet_prints_nothing_and_the_next_command_speaks_again(run, tmp_path, arguments):
    assert run(*arguments) == (0, "", "")
    assert (tmp_path / "dream.png").is_file()
    assert "the dream is in" in run(*TINY[:-1], "again.png")[1]


def test_quiet_leaves_errors_and_what_was_asked_for(run):
    code, out, err = run("-q", "dream", "nowhere.png")
    assert code == 2 and not out and "nowhere.png" in err
    assert "efficientnet-lite0" in run("models", "list", "-q")[1]


def complete(shell_words, index):
    code = "import sys; sys.argv[0] = 'bat-country'; from batcountry.cli import main; main()"
    words = {"COMP_WORDS": shell_words, "COMP_CWORD": str(index), "_BAT_COUNTRY_COMPLETE": "complete_bash"}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **words}, capture_output=True, text=True, check=False
    )
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "index", "found"),
    [
        ("bat-country dre", 1, ["dream"]),
        ("bat-country dream --octa", 2, ["--octaves", "--octave-scale"]),
        ("bat-country dream --param soft", 3, ["soft-fourier"]),
        ("bat-country dream --model bvlc_goog", 3, ["bvlc_googlenet"]),
        ("bat-country dream --preset class-", 3, ["class-small"]),
    ],
)
def test_the_shell_is_offered_commands_options_choices_and_networks(words, index, found):
    assert complete(words, index) == found


def test_networks_that_are_offered_are_those_that_are_known():
    from batcountry.models import zoo

    assert model_names() == [card.name for card in zoo.cards()]


def test_a_fault_of_the_program_is_one_line_and_shows_where_on_request(run, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("batcountry.jobs.bulk_kind.pictures_in", broken)
    code, _, err = run("bulk", ".")
    assert code == 70 and err.count("\n") == 1 and "ZeroDivisionError: division by zero" in err
    monkeypatch.setenv("BATCOUNTRY_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        run("bulk", ".")


def test_a_disk_that_is_full_is_one_line(run, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "out.png")

    monkeypatch.setattr("batcountry.jobs.bulk_kind.pictures_in", full)
    code, _, err = run("bulk", ".")
    assert code == 2 and err == "error: out.png cannot be used: No space left on device\n"
