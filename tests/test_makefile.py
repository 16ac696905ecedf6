"""`make`: what it sets up, in which order, and when anew. Python and pip are stand-ins here that only write down what they are told."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

pytestmark = pytest.mark.skipif(
    shutil.which("make") is None or sys.platform == "win32", reason="needs make and a shell"
)

# Stands for Python, and, in .venv/bin, for each program that pip would put there.
STAND_IN = """#!/bin/sh
for each; do printf '[%s]' "$each" >>"$LOG"; done
printf '\\n' >>"$LOG"
if [ "$1 $2" = "-m venv" ]; then
    mkdir -p "$3/bin"
    for name in python bat-country; do cp "$0" "$3/bin/$name"; done
fi
case "$*" in
    *ensurepip*) exit "${ENSUREPIP:-0}" ;;
    *"install --progress-bar"*"$KILLED"*) [ -z "$KILLED" ] || kill -9 $$ ;;
esac
case "$*" in
    *--editable*) echo "  Downloading torch-2.13.0-cp311.whl (191.8 MB)"; echo "  Downloading idna-3.whl (70 kB)" ;;
esac
exit "${STATUS:-0}"
"""


@pytest.fixture
def make(tmp_path):
    """Run make in a clone whose folder has a space in its name; gives the process and the calls that it made."""
    clone = tmp_path / "a clone"
    clone.mkdir()
    shutil.copy(ROOT / "Makefile", clone)
    for name in ("pyproject.toml", "constraints.txt"):
        (clone / name).touch()
    python = tmp_path / "python"
    python.write_text(STAND_IN)
    python.chmod(0o755)
    log = tmp_path / "log"

    def run(*arguments, folder=clone, **environment):
        log.write_text("")
        found = subprocess.run(
            ["make", *arguments, f"PYTHON={shlex.quote(str(python))}"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "LOG": str(log), "KILLED": "", **environment},
            capture_output=True,
            text=True,
        )
        calls = [line[1:-1].split("][") for line in log.read_text().splitlines()]
        return found, [each for each in calls if each[0] != "-c"]

    run.clone = clone
    return run


def installed(calls):
    """What pip was to install, in order."""
    return [each[each.index("constraints.txt") + 1 :] for each in calls if "constraints.txt" in each]


def test_make_alone_says_what_there_is_and_sets_nothing_up(make):
    found, calls = make()
    assert found.returncode == 0 and "make dream" in found.stdout and "make test" in found.stdout
    assert calls == [] and not (make.clone / ".venv").exists()


def test_a_dream_sets_up_once_and_says_what_is_downloaded(make):
    found, calls = make("dream")
    assert found.returncode == 0, found.stderr
    assert installed(calls) == [["pip>=25.1"], ["--editable", "."]]
    assert "downloading torch-2.13.0-cp311.whl (191.8 MB)" in found.stdout and "idna" not in found.stdout
    assert calls[-1] == ["dream", "--output", str(make.clone / "dream.png")]
    assert make("dream")[1] == [calls[-1]]


@pytest.mark.parametrize("name", ["my photo.jpg", "it's.jpg", 'a "b".jpg', "a$b.jpg", "-x.jpg", "a;b&c.jpg"])
def test_names_of_files_arrive_as_they_are(make, name):
    make("dream")
    _, calls = make("dream", f"IMAGE={name}", f"OUTPUT=out {name}", "ARGS=--seed 2")
    assert calls == [["dream", "--output", f"out {name}", "--seed", "2", "--", name]]


def test_an_index_for_torch_is_asked_for_torch_alone(make):
    _, calls = make("dream", "TORCH_INDEX=https://there/cpu")
    torch, package = installed(calls)[1:]
    assert torch == ["--no-deps", "--index-url", "https://there/cpu", "torch"]
    assert package == ["--editable", "."]


def test_without_an_index_none_is_asked_and_what_is_there_stays(make):
    make("dream", "TORCH_INDEX=https://there/cpu")
    assert installed(make("dream")[1]) == []


def test_another_index_sets_up_anew(make):
    make("dream")
    assert len(installed(make("dream", "TORCH_INDEX=https://there/cpu")[1])) == 3


def test_a_set_up_that_was_killed_is_begun_anew(make):
    found, _ = make("dream", KILLED="--editable")
    assert found.returncode != 0
    assert ["-m", "venv", ".venv"] in make("dream")[1]
    assert len(make("dream")[1]) == 1


def test_a_set_up_that_failed_goes_on_where_it_was(make):
    make("dream")
    assert make("docs", STATUS="1")[0].returncode != 0
    _, calls = make("docs")
    assert installed(calls) == [["--group", "docs"]]


def test_a_folder_without_its_environment_sets_up_anew(make):
    make("dream")
    shutil.rmtree(make.clone / ".venv")
    found, calls = make("dream")
    assert found.returncode == 0 and ["-m", "venv", ".venv"] in calls


def test_a_clone_that_was_moved_sets_up_anew(make, tmp_path):
    make("dream")
    moved = Path(shutil.move(make.clone, tmp_path / "elsewhere"))
    found, calls = make("dream", folder=moved)
    assert found.returncode == 0 and ["-m", "venv", ".venv"] in calls


def test_a_python_without_environments_is_answered_with_the_package_that_is_missing(make):
    found, _ = make("dream", ENSUREPIP="1")
    assert found.returncode != 0 and "apt install python3-venv" in found.stdout
